//! Sweeps of coordinate ascent.

use faer::{Mat, MatRef};
use mnmash_core::linalg::psd;
use mnmash_core::noise::{Residual, Structure};
use mnmash_core::predictors::{Dense, Responses, response};
use mnmash_core::regression::mr_ash::{self, Grid, Settings};
use mnmash_core::regression::mr_mash;
use mnmash_core::weights::WeightUpdate;
use mnmash_core::{Error, Monitor, Prior, with_threads};

use crate::Row;
use crate::data::{gram, random};
use crate::machine::least;

pub fn rows() -> Result<Vec<Row>, Error> {
    let monitor = Monitor::default();
    with_threads(
        1,
        &monitor,
        |_| true,
        || {
            Ok(vec![
                many_responses(800, 1000, 10, 10, 6)?,
                many_responses(800, 1000, 44, 15, 20)?,
                one_response(500, 5000, 20)?,
            ])
        },
    )
}

/// A coordinate: two products with the residuals (`4 n r`), into the bases of the matrices and back
/// (`4 r` for each of their dimensions), and squares and shrinkage of each dimension at each scale.
fn many_responses(n: usize, p: usize, r: usize, k: usize, l: usize) -> Result<Row, Error> {
    let x = random(n * p, 1);
    let y = random(n * r, 2);
    let y = MatRef::from_column_major_slice(&y, n, r);
    let constant = vec![1.0 / (n as f64).sqrt(); n];
    let factors = (0..k as u64)
        .map(|k| psd::factor(r, &gram(r, r, 10 + k), "U"))
        .collect::<Result<Vec<_>, _>>()?;
    let scales = vec![(0..l).map(|l| 0.002 * 1.3_f64.powi(l as i32)).collect(); k];
    let prior = Prior::scaled(r, factors, scales, false)?;
    let penalty = vec![1.0; k * l];
    let noise = Mat::<f64>::from_fn(r, r, |i, j| if i == j { 0.34 } else { 0.05 });
    let monitor = Monitor::default();
    let fit = |max_iter| {
        least(|| {
            let x = Dense::new(x.clone(), n, &constant, true, &monitor)?;
            let mut design = Responses::new(x, &constant, y, None);
            let residual = Residual::start(Structure::Known, noise.as_ref());
            let start = mr_mash::Start { residual, coefficients: None };
            let options = mr_mash::Options {
                weights: WeightUpdate::Fixed,
                penalty: &penalty,
                threshold: 0.0,
                tol: -1.0,
                tol_weights: 0.0,
                max_iter,
            };
            mr_mash::fit(&mut design, &prior, start, &options, &monitor)
        })
    };
    let (nr, dimensions) = ((n * r) as f64, (k * r) as f64);
    Ok(Row {
        kernel: format!("mr_mash: r {r} and {} components", k * l),
        per: "coordinate",
        items: p as f64,
        flops: 4.0 * nr + dimensions * (4.0 * r as f64 + 4.0 * l as f64),
        bytes: 0.0,
        seconds: (fit(5) - fit(1)) / 4.0,
    })
}

/// A coordinate: two products with a column, which comes from memory once if the design is large.
fn one_response(n: usize, p: usize, k: usize) -> Result<Row, Error> {
    let monitor = Monitor::default();
    let basis = vec![1.0 / (n as f64).sqrt(); n];
    let x = Dense::new(random(n * p, 1), n, &basis, false, &monitor)?;
    let response = response(&basis, &random(n, 2));
    let grid =
        Grid::Relative((0..k).map(|k| (2_f64.powf(k as f64 / 20.0) - 1.0).powi(2)).collect());
    let order: Vec<usize> = (0..p).collect();
    let pi = vec![1.0 / k as f64; k];
    let fit = |max_iter| {
        let options = mr_ash::Options {
            weights: WeightUpdate::Em,
            update_sigma2: true,
            slab: None,
            tol: 0.0,
            max_iter,
        };
        let settings = Settings { grid: &grid, dirichlet: None, order: &order, options };
        let start = mr_ash::Start { pi: &pi, sigma2: 0.3, b: None };
        least(|| mr_ash::fit(&x, &response, settings, start, &monitor))
    };
    Ok(Row {
        kernel: format!("mr_ash: n {n} and p {p}"),
        per: "coordinate",
        items: p as f64,
        flops: 4.0 * n as f64 + 10.0 * k as f64,
        bytes: 8.0 * n as f64,
        seconds: (fit(9) - fit(1)) / 8.0,
    })
}
