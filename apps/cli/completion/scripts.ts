/** The scripts of the shells. Each passes its words to `perennial complete` and shows the lines. */

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** The only line of the output when the shell completes a path. */
export const filesLine = ':files';

const bash = `# Load it in ~/.bashrc: eval "$(perennial completion bash)"
_perennial() {
  local current="\${COMP_WORDS[COMP_CWORD]}" line lines
  lines="$("\${COMP_WORDS[0]}" complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" || return
  COMPREPLY=()
  # Right after "--file=", the word is "=", and bash replaces nothing of it.
  [[ "$current" == '=' ]] && current=''
  if [[ "$lines" == '${filesLine}' ]]; then
    compopt -o filenames
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$current")
    return
  fi
  while IFS= read -r line; do
    [[ -n "$line" ]] && COMPREPLY+=("\${line%%$'\\t'*}")
  done <<< "$lines"
}
complete -F _perennial perennial
`;

const zsh = `#compdef perennial
# Load it in ~/.zshrc after compinit: eval "$(perennial completion zsh)"
_perennial() {
  local lines line
  local -a candidates
  lines="$("\${(Q)words[1]}" complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)" || return
  if [[ "$lines" == '${filesLine}' ]]; then
    _files
    return
  fi
  for line in "\${(@f)lines}"; do
    # _describe takes name:description.
    [[ -n "$line" ]] && candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  _describe -V perennial candidates
}
compdef _perennial perennial
`;

const fish = `# Load it in ~/.config/fish/config.fish: perennial completion fish | source
function __perennial_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($words[1] complete -- $words[2..-1] "$current" 2>/dev/null)
    if test "$lines" = '${filesLine}'
        __fish_complete_path "$current"
    else
        printf '%s\\n' $lines
    end
end
complete -c perennial -f -a '(__perennial_complete)'
`;

export const scripts = { bash, zsh, fish } as const satisfies Record<Shell, string>;
