"""What the client does with broken responses. Prints one JSON object.

Takes the address of the scripted API, which is also the gateway.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import perennial
from perennial.client import runs

runs.RETRY_SECONDS = 0.01
results = {}


def refused(call):
    """The error of a call."""
    try:
        call()
    except perennial.ApiError as error:
        return {"code": error.code, "message": error.message, "next": error.next_step}
    except TypeError as error:
        return str(error)
    return None


url = sys.argv[1]
client = perennial.connect(url, "pk_test", gateway_url=url)

results["page"] = refused(lambda: client.run("page"))
results["page for events"] = refused(client.run("run_page").wait)
results["early end"] = refused(lambda: list(client.run("run_early").events(patience_seconds=0.2)))
results["open"] = refused(client.run("run_open").wait)
late = client.run("run_late")
results["late"] = [late.status, late.wait().status]
results["events"] = [[each.seq, each.kind] for each in client.run("run_open").events()]
results["prediction"] = refused(lambda: client.predict("churn", {"x": 1}))
results["label"] = refused(lambda: client.feedback(["p1"]))

with tempfile.TemporaryDirectory() as folder:
    os.environ["PERENNIAL_STATE_DIR"] = folder
    file = Path(folder) / "run" / "client.json"
    file.parent.mkdir()
    local = {"apiUrl": "http://127.0.0.1:8700", "gatewayUrl": url, "apiKey": "pk_local"}
    file.write_text(json.dumps(local))
    results["other address"] = refused(lambda: perennial.connect(url))
    results["own address"] = refused(lambda: perennial.connect("http://localhost:8700/"))
    other = perennial.connect(url, "pk_test")
    results["other gateway"] = refused(lambda: other.predict("churn", {"x": 1}))
    file.write_text('{"apiKey": "pk_lo')
    results["damaged"] = refused(perennial.connect)

print(json.dumps(results))
