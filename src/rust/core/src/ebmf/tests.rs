use super::*;
use crate::testing::Draws;

/// Effects `L F'` of `rank` sparse factors, plus noise: `rows` x `cols` by columns.
fn matrix(draws: &mut Draws, rows: usize, cols: usize, rank: usize, noise: f64) -> Vec<f64> {
    let mut sparse = |n: usize| -> Vec<f64> {
        (0..n).map(|_| if draws.uniform() < 0.5 { 2.0 * draws.normal() } else { 0.0 }).collect()
    };
    let factors: Vec<_> = (0..rank).map(|_| (sparse(rows), sparse(cols))).collect();
    let mut y = Vec::with_capacity(rows * cols);
    for j in 0..cols {
        let sd = noise * (1.0 + j as f64 / cols as f64);
        for i in 0..rows {
            let mean: f64 = factors.iter().map(|(l, f)| l[i] * f[j]).sum();
            y.push(mean + sd * draws.normal());
        }
    }
    y
}

fn fit(y: &[f64], rows: usize, options: &Options) -> Factorisation {
    let data = Data { values: y, rows, se: None, estimate: true };
    factorise(data, options, &Monitor::default()).expect("a good matrix")
}

fn fitted(found: &Factorisation, rows: usize, cols: usize) -> Vec<f64> {
    let mut y = vec![0.0; rows * cols];
    for factor in &found.factors {
        for j in 0..cols {
            for i in 0..rows {
                y[j * rows + i] += factor.rows.mean[i] * factor.cols.mean[j];
            }
        }
    }
    y
}

fn distance(x: &[f64], y: &[f64]) -> f64 {
    let square = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>();
    let difference: Vec<f64> = x.iter().zip(y).map(|(x, y)| x - y).collect();
    (square(&difference) / square(y)).sqrt()
}

const NONNEG: Options = Options {
    loadings: Family::Normal,
    weights: Family::Exponential,
    max_factors: 100,
    max_iter: [500; 2],
    tol: [1e-9; 2],
    backfit: true,
};

#[test]
fn the_objective_never_falls() {
    for seed in 0..12 {
        let mut draws = Draws::new(seed);
        let (rows, cols) = (30 + 5 * seed as usize, 2 + seed as usize % 9);
        let mut y = matrix(&mut draws, rows, cols, 1 + seed as usize % 4, 0.5);
        if seed % 3 == 1 {
            y.iter_mut().for_each(|y| {
                if draws.uniform() < 0.15 {
                    *y = f64::NAN
                }
            });
        }
        for options in [Options::default(), NONNEG] {
            let found = fit(&y, rows, &options);
            for pair in found.ended.trace.windows(2) {
                assert!(
                    pair[1] >= pair[0] - 1e-9 * pair[0].abs(),
                    "{seed}: {:?}",
                    found.ended.trace
                );
            }
            assert_eq!(found.objective, *found.ended.trace.last().expect("a first value"));
        }
    }
}

/// The objective from its definition: expected log-density of every cell, less the divergence of
/// each posterior, written as an integral over the mixture that it is.
fn objective_by_hand(found: &Factorisation, y: &[f64], rows: usize) -> f64 {
    let cols = y.len() / rows;
    let mut total = 0.0;
    for j in 0..cols {
        for i in 0..rows {
            let (mut mean, mut variance) = (0.0, 0.0);
            for f in &found.factors {
                let (l, l2) = (f.rows.mean[i], f.rows.second[i]);
                let (w, w2) = (f.cols.mean[j], f.cols.second[j]);
                mean += l * w;
                variance += l2 * w2 - (l * w).powi(2);
            }
            let square = (y[j * rows + i] - mean).powi(2) + variance;
            let tau = found.precision[j];
            total += 0.5 * ((tau / (2.0 * std::f64::consts::PI)).ln() - tau * square);
        }
    }
    total
}

#[test]
fn the_data_part_of_the_objective_is_its_definition() {
    let y = matrix(&mut Draws::new(3), 40, 6, 2, 0.5);
    let found = fit(&y, 40, &Options::default());
    assert!(found.factors.len() >= 2);
    let own: f64 = found.factors.iter().map(Factor::minus_divergence).sum();
    let data = objective_by_hand(&found, &y, 40);
    assert!((data + own - found.objective).abs() < 1e-8 * found.objective.abs());
    // Divergences are not negative.
    for factor in &found.factors {
        assert!(factor.rows.minus_divergence < 0.0 && factor.cols.minus_divergence < 0.0);
    }
}

#[test]
fn a_strong_rank_one_matrix_is_found_and_little_shrunk() {
    let mut draws = Draws::new(5);
    let l: Vec<f64> = (0..50).map(|_| draws.normal()).collect();
    let f: Vec<f64> = (0..6).map(|_| draws.normal()).collect();
    let truth: Vec<f64> = f.iter().flat_map(|f| l.iter().map(move |l| l * f)).collect();
    let y: Vec<f64> = truth.iter().map(|t| t + 1e-4 * draws.normal()).collect();
    let found = fit(&y, 50, &Options::default());
    assert_eq!(found.factors.len(), 1);
    assert!(distance(&fitted(&found, 50, 6), &truth) < 2e-4);
    for tau in &found.precision {
        assert!((tau.sqrt().recip() / 1e-4 - 1.0).abs() < 0.5, "{tau}");
    }
}

/// One factor with normal priors, seen with known errors, has a fixed point in closed form:
/// `s_l^2 = 1 / (tau sum E f^2 + 1 / v)`, and the variance of the prior is the mean square.
#[test]
fn at_the_optimum_the_closed_form_updates_change_nothing() {
    let mut draws = Draws::new(8);
    let (n, p) = (60, 5);
    let l: Vec<f64> = (0..n).map(|_| 3.0 * draws.normal()).collect();
    let f: Vec<f64> = (0..p).map(|_| 3.0 + draws.normal()).collect();
    let y: Vec<f64> =
        f.iter().flat_map(|f| l.iter().map(move |l| l * f)).map(|m| m + draws.normal()).collect();
    let se = vec![1.0; n * p];
    let data = Data { values: &y, rows: n, se: Some(&se), estimate: false };
    let options = Options { tol: [1e-14; 2], max_factors: 1, ..Options::default() };
    let found = factorise(data, &options, &Monitor::default()).expect("a good matrix");
    let Factor { rows, cols } = &found.factors[0];
    let (gl, gf) = (rows.prior.expect("fitted"), cols.prior.expect("fitted"));
    assert!(gl.weight() > 0.99 && gf.weight() > 0.99, "{gl:?} {gf:?}");
    let f2: f64 = cols.second.iter().sum();
    let l2: f64 = rows.second.iter().sum();
    for i in 0..n {
        let precision = f2 + (-gl.scale).exp();
        let sum: f64 = (0..p).map(|j| y[j * n + i] * cols.mean[j]).sum();
        // Posterior weights of the slab are one up to its odds against the point.
        let slab = sum / precision;
        assert!((rows.mean[i] - slab).abs() < 0.2 * precision.sqrt().recip());
    }
    let precision = l2 + (-gf.scale).exp();
    for j in 0..p {
        let sum: f64 = (0..n).map(|i| y[j * n + i] * rows.mean[i]).sum();
        assert!((cols.mean[j] / (sum / precision) - 1.0).abs() < 1e-5);
    }
    let v = f64::exp(gf.scale);
    assert!((v / (cols.second.iter().sum::<f64>() / p as f64) - 1.0).abs() < 1e-4);
}

#[test]
fn units_of_the_data_and_of_columns_do_not_matter() {
    let y = matrix(&mut Draws::new(11), 80, 7, 3, 0.7);
    for options in [Options::default(), NONNEG] {
        let options = Options { tol: [1e-10; 2], ..options };
        let base = fit(&y, 80, &options);
        for scale in [1e-6, 1e5] {
            let scaled: Vec<f64> = y.iter().map(|y| y * scale).collect();
            let found = fit(&scaled, 80, &options);
            assert_eq!(found.factors.len(), base.factors.len());
            let shift = -(y.len() as f64) * f64::ln(scale);
            assert!((found.objective - shift - base.objective).abs() < 1e-5);
            let back: Vec<f64> = fitted(&found, 80, 7).iter().map(|y| y / scale).collect();
            assert!(distance(&back, &fitted(&base, 80, 7)) < 1e-4);
        }
    }
}

#[test]
fn given_errors_weigh_the_cells() {
    // Half of the cells are a hundred times noisier, and say so.
    let mut draws = Draws::new(13);
    let truth = matrix(&mut Draws::new(18), 100, 8, 1, 0.0);
    let se: Vec<f64> =
        truth.iter().map(|_| if draws.uniform() < 0.5 { 0.1 } else { 10.0 }).collect();
    let y: Vec<f64> = truth.iter().zip(&se).map(|(t, s)| t + s * draws.normal()).collect();
    let error = |se: Option<&[f64]>, estimate: bool| {
        let data = Data { values: &y, rows: 100, se, estimate };
        let found = factorise(data, &Options::default(), &Monitor::default()).expect("good");
        distance(&fitted(&found, 100, 8), &truth)
    };
    let (given, scaled, ignored) =
        (error(Some(&se), false), error(Some(&se), true), error(None, true));
    assert!(given < 0.1 && scaled < 0.1 && ignored > 0.5, "{given} {scaled} {ignored}");
}

#[test]
fn the_scale_of_given_errors_is_found() {
    let y = matrix(&mut Draws::new(17), 200, 6, 1, 1.0);
    let se = vec![0.25; y.len()];
    let data = Data { values: &y, rows: 200, se: Some(&se), estimate: true };
    let scaled = factorise(data, &Options::default(), &Monitor::default()).expect("good");
    let plain = fit(&y, 200, &Options::default());
    assert!((scaled.objective - plain.objective).abs() < 1e-6);
    for (s, p) in scaled.precision.iter().zip(&plain.precision) {
        assert!((s / p * 16.0 - 1.0).abs() < 1e-6);
    }
}

#[test]
fn missing_cells_are_predicted_and_carry_no_weight() {
    let truth = matrix(&mut Draws::new(19), 150, 8, 2, 0.0);
    let mut draws = Draws::new(20);
    let mut y: Vec<f64> = truth.iter().map(|t| t + 0.1 * draws.normal()).collect();
    let mut hidden = Vec::new();
    for (at, y) in y.iter_mut().enumerate() {
        if draws.uniform() < 0.2 {
            *y = f64::NAN;
            hidden.push(at);
        }
    }
    let found = fit(&y, 150, &Options::default());
    let guess = fitted(&found, 150, 8);
    let pick = |x: &[f64]| hidden.iter().map(|&at| x[at]).collect::<Vec<_>>();
    assert!(distance(&pick(&guess), &pick(&truth)) < 0.2);
    // A column without any value changes nothing else.
    let mut wider = y.clone();
    wider.extend(vec![f64::NAN; 150]);
    let more = fit(&wider, 150, &Options { tol: [1e-10; 2], ..Options::default() });
    let same = fit(&y, 150, &Options { tol: [1e-10; 2], ..Options::default() });
    assert_eq!(more.factors.len(), same.factors.len());
    assert!(more.objective <= same.objective + 1e-6);
}

#[test]
fn noise_has_no_factors_and_zeros_have_none() {
    let mut draws = Draws::new(23);
    let y: Vec<f64> = (0..500).map(|_| draws.normal()).collect();
    assert!(fit(&y, 100, &Options::default()).factors.is_empty());
    assert!(fit(&[0.0; 20], 5, &Options::default()).factors.is_empty());
    let one_row = fit(&[1.0, -2.0, 3.0], 1, &Options::default());
    assert!(one_row.objective.is_finite() || one_row.factors.is_empty());
}

#[test]
fn weights_are_not_negative_under_an_exponential_prior() {
    let y = matrix(&mut Draws::new(29), 100, 6, 2, 0.5);
    let found = fit(&y, 100, &NONNEG);
    assert!(!found.factors.is_empty());
    for factor in &found.factors {
        assert!(factor.cols.mean.iter().all(|f| *f >= 0.0));
    }
}

#[test]
fn it_stops_when_asked() {
    let y = matrix(&mut Draws::new(31), 50, 5, 2, 0.5);
    let monitor = Monitor::default();
    monitor.request_stop();
    let data = Data { values: &y, rows: 50, se: None, estimate: true };
    let error = factorise(data, &Options::default(), &monitor).expect_err("stopped");
    assert_eq!(error, Error::Interrupted);
}

/// Enough rows for several parts of sums and of products.
#[test]
fn threads_change_no_digit() {
    let y = matrix(&mut Draws::new(37), 5000, 12, 2, 0.7);
    let mut holes = y.clone();
    holes.iter_mut().step_by(17).for_each(|y| *y = f64::NAN);
    let options = Options { max_iter: [8; 2], ..Options::default() };
    for y in [&y, &holes] {
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.expect("threads").install(|| fit(y, 5000, &options))
        };
        let (one, three) = (with(1), with(3));
        assert_eq!(one.ended.trace, three.ended.trace);
        assert!(one.factors.iter().zip(&three.factors).all(|(a, b)| a.rows.mean == b.rows.mean));
    }
}

#[test]
fn the_order_of_rows_and_columns_does_not_move_the_bound() {
    let (rows, cols) = (300, 12);
    let y = matrix(&mut Draws::new(41), rows, cols, 6, 1.0);
    let turned: Vec<f64> = y.iter().rev().copied().collect();
    let (base, other) =
        (fit(&y, rows, &Options::default()), fit(&turned, rows, &Options::default()));
    assert_eq!(base.factors.len(), other.factors.len());
    assert!((base.objective - other.objective).abs() < 1e-2, "{}", base.objective);
}
