from .logs_on_disk import meant, read


def rows(*epochs, loss=lambda e: 1 / (1 + e)):
    return "".join(f"{e},{loss(e):.4f}\n" for e in epochs)


HEAD = "epoch,train_loss\n"


def test_a_counter_that_restarts_begins_another_run(tmp_path):
    found = read(tmp_path, "x.csv", HEAD + rows(*range(5), *range(4), *range(10), *range(5)))

    assert [run.rows for run in found] == [5, 4, 10, 5]
    assert [run.number for run in found] == [1, 2, 3, 4]


def test_a_resume_keeps_the_later_rows(tmp_path):
    text = HEAD + rows(*range(20)) + "15,0.05\n16,0.05\n17,0.05\n18,0.05\n19,0.05\n20,0.04\n"

    (run,) = read(tmp_path, "x.csv", text)

    assert run.epoch.tolist() == list(range(21))
    assert run.resumed_rows == 5
    assert meant(run)["train/loss"][15] == 0.05


def test_an_epoch_written_again_is_a_resume(tmp_path):
    (run,) = read(tmp_path, "x.csv", HEAD + rows(*range(12)) + "11,0.01\n" + rows(12, 13))

    assert run.resumed_rows == 1
    assert run.epoch.tolist() == list(range(14))
    assert meant(run)["train/loss"][11] == 0.01


def test_a_far_step_back_with_a_loss_that_starts_over_is_another_run(tmp_path):
    text = HEAD + rows(*range(1, 40)) + rows(*range(5, 20), loss=lambda e: 3 / (1 + e))

    assert len(read(tmp_path, "x.csv", text)) == 2


def test_a_far_step_back_with_a_loss_that_goes_on_is_a_resume(tmp_path):
    (run,) = read(tmp_path, "x.csv", HEAD + rows(*range(1, 40)) + rows(*range(10, 50)))

    assert run.resumed_rows == 30
    assert run.rows == 49


def test_a_row_out_of_order_is_counted(tmp_path):
    (run,) = read(tmp_path, "x.csv", HEAD + rows(0, 1, 2, 3, 5, 4, 6, 7, 8, 9))

    assert run.disordered_rows == 1
    assert run.rows == 10


def test_shuffled_rows_are_disorder_and_no_runs(tmp_path):
    (run,) = read(tmp_path, "x.csv", HEAD + rows(7, 2, 9, 4, 1, 8, 3, 6, 0, 5))

    assert run.disordered_rows > 3
    assert run.resumed_rows == 0


def test_rows_that_several_processes_wrote_count_once(tmp_path):
    text = HEAD + "".join(f"{e},{1 / (1 + e)}\n" * 4 for e in range(6))

    (run,) = read(tmp_path, "x.csv", text)

    assert run.rows == 6
    assert run.resumed_rows == 0


def test_a_loss_that_stands_still_is_not_taken_for_copies(tmp_path):
    (run,) = read(tmp_path, "x.log", "".join(f"Epoch: {e}| train loss: 0.693\n" * 4 for e in range(6)))

    assert run.rows == 24


def test_training_and_validation_on_rows_of_their_own_are_no_resume(tmp_path):
    text = "epoch,step,train_loss,val_loss\n" + "".join(
        f"{e},{9 + 10 * e},,0.5\n{e},{9 + 10 * e},0.6,\n" for e in range(6)
    )

    (run,) = read(tmp_path, "metrics.csv", text)

    assert (run.rows, run.resumed_rows, run.disordered_rows) == (12, 0, 0)


def test_validation_every_tenth_epoch_is_no_resume(tmp_path):
    text = "".join(
        f"epoch {e} train loss: {1 / e:.3f}\n" + (f"epoch {e} val loss: 0.5\n" if e % 10 == 0 else "")
        for e in range(1, 41)
    )

    (run,) = read(tmp_path, "x.log", text)

    assert (run.rows, run.resumed_rows) == (44, 0)


def test_a_check_of_the_validation_before_training_is_no_resume(tmp_path):
    text = "EPOCH 1 VAL - Loss: 6.9\n" + "".join(
        f"EPOCH {e} VAL - Loss: 1.{e}\nEPOCH {e} TRAIN - Loss: 2.{e}\n" for e in range(1, 9)
    )

    (run,) = read(tmp_path, "x.log", text)

    assert (run.of, run.resumed_rows) == (1, 0)
    assert meant(run)["validation/loss"][0] == 1.1


def test_settings_beside_the_log_are_read(tmp_path):
    (tmp_path / "args.yaml").write_text(
        "lr0: 0.01\nbatch: 16\nepochs: 90\noptimizer: AdamW\nnested: {deep: [1, 2], x: 1e-3}\n"
    )

    (run,) = read(tmp_path, "results.csv", HEAD + rows(*range(5)))

    assert run.planned_epochs == 90
    assert run.config["lr"] == 0.01
    assert run.config["batch_size"] == 16
    assert run.config["optimizer"] == "AdamW"
    assert run.config["nested/x"] == 0.001


def test_settings_that_are_no_settings_say_nothing(tmp_path):
    (tmp_path / "args.yaml").write_bytes(b"\xff\xfe: [!!python/object:os.system {}")
    (tmp_path / "config.json").write_text("[" * 50_000)
    (tmp_path / "hparams.yaml").write_text("- 3\n- x\n")
    (tmp_path / "opt.yaml").write_text("[" * 50_000)
    (tmp_path / "hyp.yaml").write_text("".join(" " * depth + "a:\n" for depth in range(1_000)))
    (tmp_path / "args.yml").write_text("- " * 50_000)

    (run,) = read(tmp_path, "results.csv", HEAD + rows(*range(5)))

    assert run.config == {}
    assert run.planned_epochs is None
