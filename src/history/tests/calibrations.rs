//! Calibrations: begun, continued, their variants and rates.

use super::{comparison_records::*, *};

#[test]
fn a_calibration_comes_back_with_its_rates() {
    let place = Place::new();
    let mut writer = place.writer();
    let start = calibration_start();
    let opened = writer.open_calibration(&start).unwrap();
    assert_eq!((opened.resumed, opened.variants), (false, vec![]));
    let mut expected = Calibration {
        id: opened.id,
        environment: "aaaaaaaaaaaa".into(),
        build: start.build.clone(),
        state: RunState::Running,
        started_at: start.at,
        finished_at: None,
        blocks: 120,
        design: design(),
        rates: vec![],
    };
    let reader = place.reader();
    assert_eq!(reader.calibration(opened.id).unwrap(), Some(expected.clone()));
    assert_eq!(reader.calibration(opened.id + 1).unwrap(), None);

    for variants in [&VARIANTS[..], &VARIANTS[..3]] {
        expected.rates = variants
            .iter()
            .flat_map(|variant| [rate(*variant, None), rate(*variant, Some(40)), rate(*variant, Some(5))])
            .collect();
        writer.record_rates(opened.id, &expected.rates).unwrap();
        assert_eq!(reader.calibration(opened.id).unwrap(), Some(expected.clone()));
    }
    for state in RunState::ALL {
        writer.finish_calibration(opened.id, state, UnixMillis(6)).unwrap();
        expected.state = state;
        expected.finished_at = (state != RunState::Running).then_some(UnixMillis(6));
        assert_eq!(reader.calibration(opened.id).unwrap(), Some(expected.clone()));
    }

    let elsewhere = CalibrationStart { environment: environment("bbbbbbbbbbbb"), ..start };
    let second = writer.open_calibration(&elsewhere).unwrap().id;
    let ids = |environment| {
        reader.calibrations(environment).unwrap().iter().map(|calibration| calibration.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(None), [second, opened.id]);
    assert_eq!(ids(Some("aaaaaaaaaaaa")), [opened.id]);
    assert_eq!(ids(Some("cccccccccccc")), [0; 0]);
    assert_eq!(writer.verify().unwrap(), [""; 0]);
}

#[test]
fn each_variant_is_a_run_and_a_calibration_that_was_cut_off_is_continued() {
    let place = Place::new();
    let mut writer = place.writer();
    let id = writer.open_calibration(&calibration_start()).unwrap().id;
    let mut variants = Vec::new();
    for (order, variant) in VARIANTS.into_iter().enumerate().rev() {
        let run = writer.open_run(&part(1, Part::Calibration, &format!("{variant:?}"))).unwrap().id;
        writer.calibration_variant(id, variant, run).unwrap();
        writer.record_trial(run, &trial(5, 0, order as u32)).unwrap();
        variants.push((variant, run));
    }
    variants.reverse();
    drop(writer);

    let mut writer = place.writer();
    let again = CalibrationStart { at: UnixMillis(1), ..calibration_start() };
    let opened = writer.open_calibration(&again).unwrap();
    assert_eq!((opened.id, opened.resumed, opened.variants), (id, true, variants.clone()));
    writer.finish_calibration(id, RunState::Interrupted, UnixMillis(5)).unwrap();
    assert!(writer.open_calibration(&again).unwrap().resumed);
    let reader = place.reader();
    assert_eq!(reader.variants(id).unwrap(), variants);
    assert_eq!(reader.variants(id + 1).unwrap(), []);
    for (order, (variant, run)) in variants.iter().enumerate() {
        writer.calibration_variant(id, *variant, *run).unwrap();
        let open = writer.open_run(&part(1, Part::Calibration, &format!("{variant:?}"))).unwrap();
        assert_eq!((open.id, open.resumed, open.done.len()), (*run, true, 1));
        assert_eq!(reader.trials(*run, &case(5).key()).unwrap(), [trial(5, 0, order as u32)]);
    }
    assert_eq!(reader.calibration(id).unwrap().unwrap().state, RunState::Running);

    let build = calibration_start().build;
    let mut seen = vec![id];
    for other in [
        CalibrationStart { environment: environment("bbbbbbbbbbbb"), ..again.clone() },
        CalibrationStart { build: SubjectBuild { sha256: "6".repeat(64), ..build.clone() }, ..again.clone() },
        CalibrationStart { build: SubjectBuild { inputs: "2".repeat(64), ..build }, ..again.clone() },
        CalibrationStart { plan: "other".into(), ..again.clone() },
        CalibrationStart { blocks: 121, ..again.clone() },
        CalibrationStart { design: Design { gate_series: 1, ..design() }, ..again.clone() },
    ] {
        let opened = writer.open_calibration(&other).unwrap();
        assert!(!opened.resumed && !seen.contains(&opened.id), "{other:?}");
        seen.push(opened.id);
    }
    writer.finish_calibration(id, RunState::Finished, UnixMillis(5)).unwrap();
    assert!(!writer.open_calibration(&again).unwrap().resumed);
    assert_eq!(writer.verify().unwrap(), [""; 0]);
}

#[test]
fn what_makes_no_sense_of_a_calibration_is_refused() {
    let place = Place::new();
    let mut writer = place.writer();
    let nan = Design { budget: f64::NAN, ..design() };
    invalid(
        writer.open_calibration(&CalibrationStart { design: nan, ..calibration_start() }),
        "its error budget is NaN",
    );
    let mut machine = calibration_start();
    let id = writer.open_calibration(&machine).unwrap().id;
    machine.environment.cores = 64;
    assert!(matches!(writer.open_calibration(&machine), Err(HistoryError::Clash { what: "environment", .. })));

    let variant = |writer: &mut Writer, name: &str| writer.open_run(&part(1, Part::Calibration, name)).unwrap().id;
    let (base, same) = (variant(&mut writer, "base"), variant(&mut writer, "same"));
    let alone = writer.open_run(&start(1)).unwrap().id;
    let elsewhere = RunStart { environment: environment("bbbbbbbbbbbb"), ..part(1, Part::Calibration, "base") };
    let elsewhere = writer.open_run(&elsewhere).unwrap().id;
    writer.calibration_variant(id, VariantKind::Base, base).unwrap();
    invalid(writer.calibration_variant(id, VariantKind::Same, base), "belongs to another variant");
    invalid(writer.calibration_variant(id, VariantKind::Base, same), "the variant has another run");
    invalid(writer.calibration_variant(id, VariantKind::Same, alone), "with the part `single`");
    invalid(writer.calibration_variant(id, VariantKind::Same, elsewhere), "it was measured on bbbbbbbbbbbb");
    let nobody = writer.calibration_variant(id, VariantKind::Same, RunId(99)).unwrap_err();
    assert!(matches!(nobody, HistoryError::UnknownRun { run: RunId(99) }), "{nobody}");
    assert_eq!(place.reader().variants(id).unwrap(), [(VariantKind::Base, base)]);

    let kept = [rate(VariantKind::Same, None)];
    writer.record_rates(id, &kept).unwrap();
    let whole = rate(VariantKind::Slowdown(20_000), Some(5));
    for (wrong, why) in [
        (Rate { flagged: 401, ..whole.clone() }, "of 400 pairs, 401 were flagged"),
        (Rate { independent: 401, ..whole.clone() }, "401 are independent"),
        (Rate { spread: Some(-0.1), ..whole.clone() }, "its spread is -0.1"),
        (Rate { resolution: Some(f64::NAN), ..whole.clone() }, "its resolution is NaN"),
    ] {
        invalid(writer.record_rates(id, &[whole.clone(), wrong]), why);
    }
    assert_eq!(place.reader().calibration(id).unwrap().unwrap().rates, kept);
    for outcome in [
        writer.record_rates(99, &kept),
        writer.calibration_variant(99, VariantKind::Same, same),
        writer.finish_calibration(99, RunState::Finished, UnixMillis(0)),
    ] {
        assert!(matches!(outcome, Err(HistoryError::UnknownCalibration { calibration: 99 })), "{outcome:?}");
    }
    assert_eq!(writer.verify().unwrap(), [""; 0]);
}
