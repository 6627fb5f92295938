export interface StopText {
  /** Add a piece of the answer. Returns true after a stop text. */
  add(piece: string): boolean;
  /** Emit the text that was held back. */
  end(): void;
  all(): string;
  stopped(): boolean;
}

/**
 * Cut the answer at the first stop text. Text that may begin a stop text is held back until that is
 * decided.
 */
export function createStopText(
  stops: readonly string[],
  onText: (delta: string) => void,
): StopText {
  let text = '';
  let sent = 0;
  let stopped = false;

  function send(until: number): void {
    if (until <= sent) return;
    onText(text.slice(sent, until));
    sent = until;
  }

  return {
    add(piece) {
      if (stopped) return true;
      text += piece;
      const places = stops
        .map((stop) => text.indexOf(stop, Math.max(0, sent - stop.length)))
        .filter((place) => place >= 0);
      if (places.length > 0) {
        text = text.slice(0, Math.min(...places));
        stopped = true;
        send(text.length);
        return true;
      }
      send(text.length - longestBeginning(text, stops));
      return false;
    },
    end: () => send(text.length),
    all: () => text,
    stopped: () => stopped,
  };
}

/** The number of trailing characters that may begin a stop text. */
function longestBeginning(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(stop.slice(0, length))) longest = length;
    }
  }
  return longest;
}
