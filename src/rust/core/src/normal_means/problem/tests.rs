use super::*;

const NAN: f64 = f64::NAN;

fn names(means: &NormalMeans) -> Vec<&'static str> {
    let name = |g: &Group| match g.noise {
        GroupNoise::Shared(_) => "shared",
        GroupNoise::Diagonal => "diagonal",
        GroupNoise::Scaled => "scaled",
        GroupNoise::Own => "own",
    };
    means.groups.iter().map(name).collect()
}

#[test]
fn equal_standard_errors_are_one_shared_group_and_nothing_is_copied() {
    let (x, s) = (vec![1.0; 10], vec![2.0; 10]);
    let v = [1.0, 0.5, 0.5, 1.0];
    let data = Data { units: 5, conditions: 2, x: &x, s: &s, v: Correlation::Common(&v) };
    let means = NormalMeans::new(data).unwrap();
    assert_eq!(names(&means), ["shared"]);
    assert!(means.order.is_none() && matches!(means.x, Cow::Borrowed(_)));
}

#[test]
fn units_are_grouped_by_what_they_share_and_can_be_put_back() {
    // 40 units whose missing pattern recurs, among others whose standard errors are their own.
    let j = 50;
    let x: Vec<f64> =
        (0..2 * j).map(|i| if i < j && i % 5 != 0 { NAN } else { i as f64 }).collect();
    let s: Vec<f64> =
        (0..2 * j).map(|i| if i % j % 5 == 0 { 1.0 + i as f64 } else { 2.0 }).collect();
    let v = [1.0, 0.5, 0.5, 1.0];
    let data = Data { units: j, conditions: 2, x: &x, s: &s, v: Correlation::Common(&v) };
    let means = NormalMeans::new(data).unwrap();
    assert_eq!(names(&means), ["shared", "scaled"]);
    let GroupNoise::Shared(noise) = &means.groups[0].noise else { panic!() };
    assert_eq!((&noise.observed[..], means.groups[0].range.len()), (&[1][..], 40));
    assert_eq!((noise.whitener[(0, 0)], noise.whitener[(0, 1)]), (0.0, 0.5));
    let mut column = means.x[j..].to_vec();
    means.restore(&mut column);
    assert_eq!(column, x[j..]);
    let blocks = means.blocks();
    assert_eq!(blocks.last().unwrap().range.end, j);
}

#[test]
fn missing_cells_with_correlated_noise_are_whitened_unit_by_unit() {
    let x = [1.0, NAN, 3.0, 4.0, 5.0, 6.0];
    let s = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let v = [1.0, 0.5, 0.5, 1.0];
    let with = |v| NormalMeans::new(Data { units: 3, conditions: 2, x: &x, s: &s, v }).unwrap();
    assert_eq!(names(&with(Correlation::Common(&v))), ["scaled", "own"]);
    assert_eq!(names(&with(Correlation::Identity)), ["diagonal"]);
    let each = [v, v, v].concat();
    assert_eq!(names(&with(Correlation::PerUnit(&each))), ["own"]);
    let means = with(Correlation::Common(&v));
    assert_eq!(means.order.as_deref(), Some(&[0, 2, 1][..]));
    assert!(!means.observed(2, 0) && means.observed(2, 1));
}

#[test]
fn bad_input_is_refused_by_name_and_place() {
    let good = [1.0, 2.0];
    let v_good = Correlation::Identity;
    let make = |x: &[f64], s: &[f64], v: Correlation| {
        NormalMeans::new(Data { units: 1, conditions: 2, x, s, v }).map(|_| ()).unwrap_err()
    };
    assert_eq!(make(&good[..1], &good, v_good).to_string(), "`x` has 1 elements, not 2");
    let error = make(&good, &[1.0, 0.0], v_good).to_string();
    assert_eq!(error, "`s` must be positive and finite, but is 0 at row 1, column 2");
    let error = make(&[1.0, f64::INFINITY], &good, v_good).to_string();
    assert_eq!(error, "`x` is infinite at row 1, column 2");
    let error = make(&good, &good, Correlation::Common(&[1.0, 2.0, 2.0, 1.0]));
    assert!(matches!(error, Error::NotPsd { .. }));
    let error = make(&good, &good, Correlation::Common(&[1.0, 1.0, 1.0, 1.0]));
    assert_eq!(error.to_string(), "`V` is not positive definite");
    let error = make(&good, &good, Correlation::Common(&[1.0, NAN, NAN, 1.0]));
    assert_eq!(error.to_string(), "`V` is not finite at (2, 1)");
}

#[test]
fn noise_that_recurs_is_found_among_many_units_and_distinct_noise_is_left_alone() {
    let j = 20_000;
    let x = vec![1.0; j];
    let with = |s: &[f64]| {
        let data = Data { units: j, conditions: 1, x: &x, s, v: Correlation::Identity };
        let means = NormalMeans::new(data).unwrap();
        let lengths: Vec<usize> = means.groups.iter().map(|g| g.range.len()).collect();
        (names(&means), lengths)
    };
    let distinct: Vec<f64> = (0..j).map(|i| 1.0 + i as f64).collect();
    assert_eq!(with(&distinct), (vec!["diagonal"], vec![j]));
    let often: Vec<f64> = (0..j).map(|i| if i % 10 == 3 { 0.5 } else { 1.0 + i as f64 }).collect();
    assert_eq!(with(&often), (vec!["shared", "diagonal"], vec![j / 10, j - j / 10]));
}
