"""Property values: what the engine sends is understood, and what it gets back keeps its secrets."""

from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2

from kube import JsonObject
from sandbox.plugins.kubernetes.values import (
    SECRET_SIGNATURE,
    SIGNATURE,
    UNKNOWN,
    Secret,
    decode,
    encode,
    has_secret,
    has_unknown,
    mark_secrets,
    plain_object,
    redact,
)


def struct(**fields: Any) -> Struct:
    result = Struct()
    result.update(fields)
    return result


def test_numbers_that_are_whole_come_as_int() -> None:
    decoded = decode(struct(a=3, b=2.5, c=True, d="x", e=[1, "y"], f={"g": 0}))
    assert decoded == {"a": 3, "b": 2.5, "c": True, "d": "x", "e": [1, "y"], "f": {"g": 0}}
    assert isinstance(decoded["a"], int)
    assert decoded["c"] is True


def test_nulls_are_left_out_of_objects() -> None:
    # plugin.MarshalOptions.SkipNulls, as provider/provider.go sets it everywhere
    assert decode(struct(a=None, b={"c": None})) == {"b": {}}


def test_secrets_and_unknowns_are_understood() -> None:
    decoded = decode(
        struct(a={SIGNATURE: SECRET_SIGNATURE, "value": {"b": "c"}}, d=rpc.UNKNOWN, e=[rpc.UNKNOWN])
    )
    assert decoded == {"a": Secret({"b": "c"}), "d": UNKNOWN, "e": [UNKNOWN]}
    assert has_unknown(decoded)
    assert has_secret(decoded)
    assert plain_object(decoded)["a"] == {"b": "c"}


def test_encoding_is_the_inverse_of_decoding() -> None:
    value: JsonObject = {
        "a": Secret(["b", {"c": 1}]),
        "d": UNKNOWN,
        "e": [],
        "f": {},
        "g": False,
        "h": 0.5,
        "i": [None],
    }
    assert decode(encode(value)) == value


def test_the_sdk_knows_a_secret_when_it_sees_one() -> None:
    read = rpc.deserialize_properties(encode({"a": Secret("b"), "c": UNKNOWN}), keep_unknowns=True)
    assert rpc.is_rpc_secret(read["a"])
    assert rpc.contains_unknowns(read["c"])


def test_assets_are_refused() -> None:
    asset = struct(a={SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "path": "x"})
    with pytest.raises(ValueError, match="assets"):
        decode(asset)


def test_dashes_in_names_travel_as_underscores() -> None:
    # provider/provider.go, underscoreToDashMap
    assert decode(struct(x_kubernetes_preserve_unknown_fields=True, x_other=1)) == {
        "x-kubernetes-preserve-unknown-fields": True,
        "x_other": 1,
    }
    encoded = encode({"a": {"x-kubernetes-list-map-keys": ["b"]}}, underscored=True)
    assert encoded == struct(a={"x_kubernetes_list_map_keys": ["b"]})


def test_a_secret_shows_in_no_repr() -> None:
    assert "hunter2" not in repr(Secret("hunter2"))


def test_secrecy_spreads_from_inputs_to_outputs() -> None:
    # provider/provider.go, annotateSecrets: objects one by one, lists as a whole
    outs = {"spec": {"a": "1", "b": "2", "list": [{"c": "3"}, {"c": "4"}]}, "status": {"a": "1"}}
    mark_secrets(outs, {"spec": {"a": Secret("1"), "b": "2", "list": [{"c": Secret("3")}]}})
    assert outs == {
        "spec": {"a": Secret("1"), "b": "2", "list": Secret([{"c": "3"}, {"c": "4"}])},
        "status": {"a": "1"},
    }


def test_all_data_of_a_secret_is_secret() -> None:
    outs = {"kind": "Secret", "data": {"a": "b"}, "stringData": {"c": "d"}, "type": "Opaque"}
    mark_secrets(outs, {})
    assert outs == {
        "kind": "Secret",
        "data": Secret({"a": "b"}),
        "stringData": Secret({"c": "d"}),
        "type": "Opaque",
    }


def test_messages_lose_their_secrets_and_nothing_else() -> None:
    inputs = {"spec": {"password": Secret("hunter2"), "list": Secret(["correct horse"]), "pin": Secret("a")}}
    message = 'spec.password: Invalid value: "hunter2": a word; "a"; correct horse; hard'
    assert (
        redact(message, inputs)
        == 'spec.password: Invalid value: "[secret]": a word; [secret]; [secret]; hard'
    )


def test_a_provider_response_takes_what_is_encoded() -> None:
    response = provider_pb2.CheckResponse(inputs=encode({"a": Secret("b")}))
    assert decode(provider_pb2.CheckResponse.FromString(response.SerializeToString()).inputs) == {
        "a": Secret("b")
    }
