//! Face of `mnmash_core::regression::mr_ash`.

use extendr_api::prelude::*;
use extendr_api::wrapper::Nullable;
use mnmash_core::predictors::{Dense, Gram, Predictors, Response, Sparse, response};
use mnmash_core::regression::mr_ash::{Fit, Grid, Options, Task, fit_all, norms_as_given};
use mnmash_core::weights::WeightUpdate;
use mnmash_core::{Error, Monitor};

use crate::boundary::{Outcome, run};
use crate::design::{Columns, Elements};

type Result<T> = std::result::Result<T, Error>;

/// What is common to the fits of a call.
struct Common<'a> {
    dirichlet: Option<&'a [f64]>,
    order: Vec<usize>,
    options: Options,
    monitor: &'a Monitor,
}

/// Column `j` of the responses with its prior and its start.
type Tasks<'a> = dyn Fn(usize, Response) -> Task + Sync + 'a;

fn fit_columns<D: Predictors>(
    design: &D,
    y: &[f64],
    rows: usize,
    make: impl Fn(usize, &[f64]) -> Response,
    task: &Tasks,
    common: &Common,
) -> Result<(Vec<f64>, Vec<Fit>)> {
    let tasks: Vec<Task> =
        y.chunks_exact(rows).enumerate().map(|(j, y)| task(j, make(j, y))).collect();
    let Common { dirichlet, order, options, monitor } = common;
    let fits = fit_all(design, &tasks, *dirichlet, order, *options, monitor)?;
    Ok((norms_as_given(design), fits))
}

fn fit_list(fit: &Fit) -> List {
    let column = |f: fn(&mnmash_core::regression::mr_ash::Step) -> f64| {
        fit.steps.iter().map(f).collect::<Vec<f64>>()
    };
    list!(
        b = fit.b.as_slice(),
        c = fit.products.as_slice(),
        pi = fit.pi.as_slice(),
        sigma2 = fit.sigma2,
        grid = fit.grid.as_slice(),
        variance = fit.variance,
        elbo = &fit.ended.trace,
        sigma2_trace = column(|s| s.sigma2),
        change = column(|s| s.change),
        weights = column(|s| s.weights),
        iterations = fit.ended.iterations as f64,
        converged = fit.ended.converged(),
        message = fit.ended.message
    )
}

// Fits of the columns of `y`. `design` is list(kind, x, basis) with kind "dense" or "sparse" (then
// also starts, rows: 0-based, and n), or list("gram", x, norms, samples), where `y` are
// cross-products and `total` the sums of squares. `grid`, `pi`, `sigma2` and `b` have a column
// (element) for each fit.
#[extendr]
fn rust_mr_ash(
    design: List,
    y: RMatrix<f64>,
    total: &[f64],
    standardize: bool,
    grid: RMatrix<f64>,
    relative: bool,
    pi: RMatrix<f64>,
    sigma2: &[f64],
    b: Nullable<RMatrix<f64>>,
    order: &[i32],
    dirichlet: Nullable<Doubles>,
    update_pi: &str,
    update_sigma2: bool,
    slab: &[f64],
    tol: f64,
    max_iter: f64,
    n_threads: i32,
    progress: Nullable<Function>,
) -> Outcome<List> {
    let elements = Elements::new(&design);
    let (x, basis) = (elements.numbers("x"), elements.numbers("basis"));
    let columns = Columns::new(&elements);
    let (rows, data) = (y.nrows(), y.data());
    let components = grid.nrows();
    let (grid, pi) = (grid.data(), pi.data());
    let b = match &b {
        Nullable::NotNull(b) => Some((b.nrows(), b.data())),
        Nullable::Null => None,
    };
    let dirichlet = match &dirichlet {
        Nullable::NotNull(a) => a.as_robj().as_real_slice(),
        Nullable::Null => None,
    };
    let task = |j: usize, response: Response| {
        let range = j * components..(j + 1) * components;
        let values = grid[range.clone()].to_vec();
        Task {
            response,
            grid: if relative { Grid::Relative(values) } else { Grid::Absolute(values) },
            pi: pi[range].to_vec(),
            sigma2: sigma2[j],
            b: b.map(|(p, b)| b[j * p..(j + 1) * p].to_vec()),
        }
    };
    let weights = match update_pi {
        "convex" => WeightUpdate::Convex,
        "em" => WeightUpdate::Em,
        _ => WeightUpdate::Fixed,
    };
    let slab = (slab.len() == 2).then(|| (slab[0], slab[1]));
    let monitor = Monitor::default();
    let common = Common {
        dirichlet,
        order: order.iter().map(|&j| usize::try_from(j - 1).unwrap_or(usize::MAX)).collect(),
        options: Options { weights, update_sigma2, slab, tol, max_iter: max_iter as usize },
        monitor: &monitor,
    };
    let (norms, samples) = (elements.numbers("norms"), elements.number("samples"));
    let kind = elements.kind();
    let (norms, fits) = run(n_threads, &progress, &monitor, || match kind {
        "sparse" => {
            let design = Sparse::new(columns.view(), rows, basis, standardize)?;
            fit_columns(&design, data, rows, |_, y| design.response(y), &task, &common)
        }
        "gram" => {
            let design = Gram::new(columns.symmetric(), norms, samples, standardize)?;
            let response = |j: usize, y: &[f64]| design.response(y, total[j]);
            fit_columns(&design, data, rows, response, &task, &common)
        }
        _ => {
            let design = Dense::new(x.to_vec(), rows, basis, standardize, &monitor)?;
            fit_columns(&design, data, rows, |_, y| response(basis, y), &task, &common)
        }
    })?;
    let fits: Vec<List> = fits.iter().map(fit_list).collect();
    Ok(list!(norms = norms, fits = List::from_values(fits)))
}

extendr_module! {
    mod mr_ash;
    fn rust_mr_ash;
}
