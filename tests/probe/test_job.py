import json

from pydantic import TypeAdapter

from cvadvisor.inspect.dataset.places import Place
from cvadvisor.probe.process import model_command
from cvadvisor.probe.session import Job, Sample


def job(*samples: Sample) -> Job:
    return Job(
        root="data",
        classes=["cat", "dog"],
        train=list(samples),
        held_out=[],
        held_out_from="validation",
        train_images=len(samples),
        model="test_resnet",
        weights="none",
        weights_file=None,
        device="cpu",
        cores=1,
        seed=0,
        budget_s=60.0,
    )


def test_a_job_reaches_the_worker_as_it_was_sent() -> None:
    sent = job(
        Sample(Place("cat/1.jpg"), 0),
        Sample(Place("a.zip/caf\udcff.jpg", "a.zip", 2**40, 30, 8, 40), 1),
        Sample(Place("1.jpg", "", 512, 30, None, 30), 0, leaked=True),
    )
    line = json.dumps(model_command(sent))
    assert TypeAdapter(Job).validate_python(json.loads(line)["job"]) == sent


def test_only_images_in_archives_say_where_they_are_in_them() -> None:
    command = model_command(job(Sample(Place("cat/1.jpg"), 0)))
    assert command["job"]["train"] == [{"place": {"path": "cat/1.jpg"}, "label": 0}]
