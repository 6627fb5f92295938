"""What the annotations of a step say: JSON Schemas, and the conversion from and to JSON."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import linecache
import math
import numbers
import os
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from perennial.step import MARK, Context, File, StepError, Table

SUPPORTED = (
    "use str, int, float, bool, None, list[…], dict[str, …], Literal[…], X | None, "
    "a dataclass, a TypedDict, Table or File"
)


class Files(Protocol):
    """Where the files of tables and files are."""

    def paths_of(self, reference: Any) -> list[Path]:
        """The files of an input's reference; raises KeyError when there are none."""

    def keep_table(self, table: Table, pointer: str) -> None: ...
    def keep_file(self, file: File, pointer: str) -> None: ...


class Mismatch(Exception):
    """A value that does not fit its annotation."""

    def __init__(self, pointer: str, expected: str, value: Any):
        got = "None" if value is None else type(value).__name__
        super().__init__(f"{pointer or 'the value'} must be {expected}, not {got}")


@dataclass(frozen=True)
class Kind:
    """One annotation."""

    name: str
    schema: dict[str, Any]
    #: From JSON to the value that the function gets; raises Mismatch.
    decode: Callable[[Any, str, Files], Any]
    #: From the returned value to JSON; raises Mismatch.
    encode: Callable[[Any, str, Files], Any]


@dataclass(frozen=True)
class Contract:
    name: str
    #: Path below the project.
    file: str
    function: str
    line: int
    inputs: dict[str, Kind]
    required: frozenset[str]
    output: Kind
    #: Name of the parameter that gets the context.
    context: str | None

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line} ({self.function})"

    def input_schema(self) -> dict[str, Any]:
        return _object_schema(
            {name: kind.schema for name, kind in self.inputs.items()}, sorted(self.required)
        )

    def arguments(self, value: Any, files: Files) -> dict[str, Any]:
        """The arguments of the function. @raises StepError"""
        if not isinstance(value, dict):
            raise StepError(
                f"{self.place}: the input must be an object with the parameters "
                f"{', '.join(self.inputs) or '(none)'}, not {_json_name(value)}"
            )
        missing = sorted(self.required - value.keys())
        unknown = sorted(value.keys() - self.inputs.keys())
        if missing or unknown:
            problems = [f"{name} is missing" for name in missing]
            problems += [f"{name} is not a parameter" for name in unknown]
            raise StepError(
                f"{self.place}: invalid input: {'; '.join(problems)}. "
                f"Its parameters are {', '.join(self.inputs) or '(none)'}"
            )
        try:
            return {
                name: kind.decode(value[name], f"/{name}", files)
                for name, kind in self.inputs.items()
                if name in value
            }
        except Mismatch as error:
            raise StepError(f"{self.place}: invalid input: {error}") from error

    def result(self, value: Any, files: Files) -> Any:
        """The output as JSON. @raises StepError"""
        try:
            return self.output.encode(value, "", files)
        except Mismatch as error:
            raise StepError(
                f"{self.place}: the result does not fit the annotation {self.output.name}: {error}. "
                "Return a matching value or change the annotation"
            ) from error


def is_step(value: Any) -> bool:
    return callable(value) and hasattr(value, MARK)


def contract_of(function: Any, root: Path) -> Contract:
    """Reads the annotations. @raises StepError that lists all problems with file and line."""
    code = inspect.unwrap(function).__code__
    file = os.path.relpath(os.path.realpath(code.co_filename), os.path.realpath(root))
    line = _def_line(code.co_filename, code.co_firstlineno)
    name, at = function.__name__, f"{file}:{line}"
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise StepError(
            f"{at}: step {name} must be a plain function; use def without async or yield"
        )
    try:
        hints = typing.get_type_hints(function)
    except Exception as error:
        raise StepError(
            f"{at}: an annotation of step {name} cannot be read: {error}. "
            "Import or define its type in this file"
        ) from error
    problems: list[str] = []
    inputs: dict[str, Kind] = {}
    required: set[str] = set()
    context: str | None = None
    for parameter in inspect.signature(function).parameters.values():
        hint = hints.get(parameter.name, inspect.Parameter.empty)
        if hint is Context or (parameter.name == "ctx" and hint is inspect.Parameter.empty):
            context = parameter.name
        elif parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            problems.append(f"parameter {parameter.name} must have a name: no *, ** or /")
        elif hint is inspect.Parameter.empty:
            problems.append(f"parameter {parameter.name} has no annotation; {SUPPORTED}")
        else:
            try:
                inputs[parameter.name] = kind_of(hint)
            except _Unsupported as error:
                problems.append(f"parameter {parameter.name}: {error}")
            if parameter.default is inspect.Parameter.empty:
                required.add(parameter.name)
    output = _none
    if "return" not in hints:
        problems.append(f"the result has no annotation; write -> and its type: {SUPPORTED}")
    else:
        try:
            output = kind_of(hints["return"])
        except _Unsupported as error:
            problems.append(f"the result: {error}")
    if problems:
        raise StepError(f"{at}: step {name}: {'; '.join(problems)}")
    return Contract(
        getattr(function, MARK, name),
        file,
        name,
        line,
        inputs,
        frozenset(required),
        output,
        context,
    )


def _def_line(file: str, first: int) -> int:
    """Line of `def`; the code of a decorated function begins with its decorators."""
    for line in range(first, first + 50):
        if linecache.getline(file, line).lstrip().startswith(("def ", "async def ")):
            return line
    return first


class _Unsupported(Exception):
    pass


def kind_of(hint: Any) -> Kind:
    """The kind of an annotation. @raises _Unsupported"""
    with contextlib.suppress(TypeError):  # not hashable
        if hint in _plain:
            return _plain[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return kind_of(arguments[0])
    if origin in (typing.Required, typing.NotRequired):
        return kind_of(arguments[0])
    if origin is Literal:
        return _literal(arguments)
    if origin in (typing.Union, types.UnionType):
        return _either([kind_of(argument) for argument in arguments])
    if origin is list:
        return _list(kind_of(arguments[0]))
    if origin is dict:
        if arguments[0] is not str:
            raise _Unsupported(f"{_named(hint)} is not supported: keys must be str")
        return _dict(kind_of(arguments[1]))
    try:
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            return _dataclass(hint)
        if typing.is_typeddict(hint):
            return _typed_dict(hint)
    except RecursionError:
        raise _Unsupported(f"{_named(hint)} contains itself, which is not supported") from None
    raise _Unsupported(f"{_named(hint)} is not supported; {SUPPORTED}")


def _named(hint: Any) -> str:
    if not isinstance(hint, type):
        return str(hint)
    plain = hint.__module__ == "builtins"
    return hint.__qualname__ if plain else f"{hint.__module__}.{hint.__qualname__}"


def _token(key: str) -> str:
    """A key as a part of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def _json_name(value: Any) -> str:
    return {dict: "an object", list: "a list", type(None): "null"}.get(
        type(value), type(value).__name__
    )


def _same(name: str, schema: dict[str, Any], convert: Callable[[Any], Any]) -> Kind:
    """A kind with the same conversion in both directions; TypeError means a mismatch."""

    def checked(value: Any, at: str, _files: Files) -> Any:
        try:
            return convert(value)
        except TypeError:
            raise Mismatch(at, name, value) from None
        except OverflowError:
            raise Mismatch(at, "of at most 53 bits, or a str", value) from None

    return Kind(name, schema, checked, checked)


def _is(accepted: type) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        if not isinstance(value, accepted):
            raise TypeError
        return value

    return convert


#: Larger integers lose digits as numbers of JSON, which other programs read as doubles.
_LARGEST_INT = (1 << 53) - 1


def _int(value: Any) -> int:
    # numpy's integers register as Integral, and its bool does not.
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError
    if abs(int(value)) > _LARGEST_INT:
        raise OverflowError
    return int(value)


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError
    if not math.isfinite(value):
        raise TypeError
    return float(value)


def _json(value: Any) -> Any:
    """Any JSON value, for the items of a bare `list` or `dict`."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, numbers.Integral):
        return _int(value)
    if isinstance(value, numbers.Real):
        return _float(value)
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _json(item) for key, item in value.items()}
    raise TypeError


_any = _same("a JSON value", {}, _json)
_none = _same("None", {"type": "null"}, _is(type(None)))


def _list(item: Kind) -> Kind:
    def through(step: Literal["decode", "encode"]) -> Callable[[Any, str, Files], Any]:
        def convert(value: Any, at: str, files: Files) -> Any:
            if not isinstance(value, list | tuple):
                raise Mismatch(at, "a list", value)
            return [getattr(item, step)(each, f"{at}/{i}", files) for i, each in enumerate(value)]

        return convert

    schema = {"type": "array", **({"items": item.schema} if item is not _any else {})}
    return Kind(f"list[{item.name}]", schema, through("decode"), through("encode"))


def _dict(item: Kind) -> Kind:
    def through(step: Literal["decode", "encode"]) -> Callable[[Any, str, Files], Any]:
        def convert(value: Any, at: str, files: Files) -> Any:
            if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
                raise Mismatch(at, "a dict with str keys", value)
            return {
                key: getattr(item, step)(each, f"{at}/{_token(key)}", files)
                for key, each in value.items()
            }

        return convert

    more = {"additionalProperties": item.schema} if item is not _any else {}
    return Kind(
        f"dict[str, {item.name}]", {"type": "object", **more}, through("decode"), through("encode")
    )


def _literal(values: tuple[Any, ...]) -> Kind:
    if not all(value is None or isinstance(value, str | int | bool) for value in values):
        raise _Unsupported("Literal may have str, int, bool and None")

    def convert(value: Any) -> Any:
        if not any(type(value) is type(each) and value == each for each in values):
            raise TypeError
        return value

    return _same(f"one of {', '.join(map(repr, values))}", {"enum": list(values)}, convert)


def _either(kinds: list[Kind]) -> Kind:
    name = " | ".join(kind.name for kind in kinds)

    def through(step: Literal["decode", "encode"]) -> Callable[[Any, str, Files], Any]:
        def convert(value: Any, at: str, files: Files) -> Any:
            problems = []
            for kind in kinds:
                try:
                    return getattr(kind, step)(value, at, files)
                except Mismatch as error:
                    problems.append(error)
            if len(kinds) == 2 and _none in kinds and value is not None:
                raise problems[kinds.index(_none) - 1]
            raise Mismatch(at, name, value)

        return convert

    return Kind(
        name, {"anyOf": [kind.schema for kind in kinds]}, through("decode"), through("encode")
    )


def _fields(
    kinds: dict[str, Kind], required: set[str], name: str
) -> Callable[[Literal["decode", "encode"], dict[str, Any], str, Files], dict[str, Any]]:
    def convert(
        step: Literal["decode", "encode"], value: dict[str, Any], at: str, files: Files
    ) -> dict[str, Any]:
        for key in sorted(required - value.keys()):
            raise Mismatch(f"{at}/{key}", f"{kinds[key].name} ({name})", None)
        for key in value.keys() - kinds.keys():
            raise Mismatch(f"{at}/{key}", f"absent, since {name} has no such field", value[key])
        return {
            key: getattr(kinds[key], step)(each, f"{at}/{_token(key)}", files)
            for key, each in value.items()
        }

    return convert


def _dataclass(cls: Any) -> Kind:
    hints = typing.get_type_hints(cls)
    kinds = {
        field.name: kind_of(hints[field.name]) for field in dataclasses.fields(cls) if field.init
    }
    required = {
        field.name
        for field in dataclasses.fields(cls)
        if field.init
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    }
    name = cls.__name__
    convert = _fields(kinds, required, name)

    def decode(value: Any, at: str, files: Files) -> Any:
        if not isinstance(value, dict):
            raise Mismatch(at, f"an object ({name})", value)
        return cls(**convert("decode", value, at, files))

    def encode(value: Any, at: str, files: Files) -> Any:
        if not isinstance(value, cls):
            raise Mismatch(at, name, value)
        return convert("encode", {key: getattr(value, key) for key in kinds}, at, files)

    schema = _object_schema({key: kind.schema for key, kind in kinds.items()}, sorted(required))
    return Kind(name, {"title": name, **schema}, decode, encode)


def _typed_dict(cls: Any) -> Kind:
    hints = typing.get_type_hints(cls, include_extras=True)
    kinds = {key: kind_of(hint) for key, hint in hints.items()}
    required = set(cls.__required_keys__)
    name = cls.__name__
    convert = _fields(kinds, required, name)

    def through(step: Literal["decode", "encode"]) -> Callable[[Any, str, Files], Any]:
        def checked(value: Any, at: str, files: Files) -> Any:
            if not isinstance(value, dict):
                raise Mismatch(at, f"an object ({name})", value)
            return convert(step, value, at, files)

        return checked

    schema = _object_schema({key: kind.schema for key, kind in kinds.items()}, sorted(required))
    return Kind(name, {"title": name, **schema}, through("decode"), through("encode"))


def _object_schema(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


_digest = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_artifact = _object_schema(
    {
        "uri": {"type": "string"},
        "digest": _digest,
        "bytes": {"type": "integer", "minimum": 0},
        "mediaType": {"type": "string"},
    },
    ["uri", "digest", "bytes", "mediaType"],
)
_dataset_version = {
    "type": "object",
    "properties": {
        "dataset": {"type": "string"},
        "version": {"type": "integer"},
        "manifest": _artifact,
        "rows": {"type": "integer"},
    },
    "required": ["dataset", "version", "manifest", "rows"],
}


def _paths(value: Any, at: str, files: Files, expected: str) -> list[Path]:
    try:
        return files.paths_of(value)
    except (KeyError, TypeError):
        raise Mismatch(at, expected, value) from None


def _decode_table(value: Any, at: str, files: Files) -> Table:
    return Table(_paths(value, at, files, "a dataset version or a Parquet artifact (Table)"), value)


def _encode_table(value: Any, at: str, files: Files) -> Any:
    if isinstance(value, Table) and value.reference is not None:
        return value.reference
    if isinstance(value, str | Path):
        raise Mismatch(at, "a Table; use Table.of(path) for a Parquet file", value)
    try:
        files.keep_table(Table.of(value), at)
    except TypeError:
        raise Mismatch(at, "a Table, a pyarrow Table or a DataFrame", value) from None
    return None


def _decode_file(value: Any, at: str, files: Files) -> File:
    paths = _paths(value, at, files, "an artifact (File)")
    if len(paths) != 1:
        raise Mismatch(at, "an artifact (File)", value)
    return File(paths[0], value)


def _encode_file(value: Any, at: str, files: Files) -> Any:
    if isinstance(value, Path):
        value = File(value)
    if not isinstance(value, File):
        raise Mismatch(at, "a File or a Path", value)
    if value.reference is not None:
        return value.reference
    files.keep_file(value, at)
    return None


_plain: dict[Any, Kind] = {
    str: _same("str", {"type": "string"}, _is(str)),
    bool: _same("bool", {"type": "boolean"}, _is(bool)),
    int: _same("int", {"type": "integer"}, _int),
    float: _same("a finite float", {"type": "number"}, _float),
    None: _none,
    type(None): _none,
    list: _list(_any),
    dict: _dict(_any),
    Table: Kind(
        "Table",
        {"title": "Table", "anyOf": [_artifact, _dataset_version]},
        _decode_table,
        _encode_table,
    ),
    File: Kind("File", {"title": "File", **_artifact}, _decode_file, _encode_file),
}
