//! Streaming against the solver that holds the whole matrix.

use super::super::{Pass, mixture_weights_by_passes, scale_rows};
use super::*;
use crate::testing::Draws;

/// A matrix in memory, in blocks of uneven size.
struct Matrix {
    values: Vec<f64>,
    rows: usize,
    blocks: Vec<Range<usize>>,
}

impl Matrix {
    /// Log-likelihoods of effects with heavy tails under normals of rising variance, two families
    /// of them: of the first coordinate, and of the second.
    fn new(rows: usize, cols: usize) -> Self {
        let mut draws = Draws::new(7);
        let mut next = || draws.uniform();
        let mut draw = || (next() + next() - 1.0) * (1.0 + 0.5 / next());
        let x: Vec<[f64; 2]> = (0..rows).map(|_| [draw(), draw()]).collect();
        let loglik = |p: usize, x: &[f64; 2]| {
            let v = [0.2, 0.2 * 1.3f64.powi((p / 2) as i32)];
            let v = if p % 2 == 0 { v } else { [v[1], v[0]] };
            -0.5 * (v[0].ln() + x[0] * x[0] / v[0] + v[1].ln() + x[1] * x[1] / v[1])
        };
        let values =
            (0..cols).flat_map(|p| x.iter().map(move |x| loglik(p, x)).collect::<Vec<_>>());
        let (mut blocks, mut at) = (Vec::new(), 0);
        while at < rows {
            let end = rows.min(at + 100 + at % 37);
            blocks.push(at..end);
            at = end;
        }
        Self { values: values.collect(), rows, blocks }
    }

    fn fit(&self, dirichlet: &[f64], memory: usize) -> Mixture {
        let (options, monitor) = (Options::default(), Monitor::default());
        mixture_weights_by_blocks(self, dirichlet, None, options, memory, &monitor).unwrap()
    }

    fn fit_held(&self, dirichlet: &[f64]) -> Mixture {
        let (mut values, monitor) = (self.values.clone(), Monitor::default());
        let cols = self.columns();
        let top = scale_rows(&mut values, self.rows, cols, self.rows, &monitor).unwrap();
        let view = Likelihoods::new(&values, self.rows, cols, self.rows).unwrap();
        let options = Options::default();
        let fit = mixture_weights(view, dirichlet, None, None, options, &monitor).unwrap();
        fit.unscale(&top, None)
    }

    fn fit_by_passes(&self, dirichlet: &[f64], start: &[f64], max_iter: usize) -> Mixture {
        let monitor = Monitor::default();
        let pass = |point: Point<'_>| -> Result<Pass, Error> {
            let sums = mixture_sums(self, point, &monitor)?;
            Ok(Pass { sums, rows: self.rows as f64 })
        };
        mixture_weights_by_passes(dirichlet, start, 1e-8, max_iter, pass).unwrap()
    }

    /// Objective and largest violation, by plain loops.
    fn certificate(&self, pi: &[f64], dirichlet: &[f64]) -> (f64, f64) {
        let mut g: Vec<f64> = dirichlet.iter().map(|a| a - 1.0).collect();
        let total = self.rows as f64 + g.iter().sum::<f64>();
        let mut objective = 0.0;
        for p in (0..pi.len()).filter(|&p| dirichlet[p] > 1.0) {
            objective += g[p] * pi[p].ln();
            g[p] /= pi[p];
        }
        for j in 0..self.rows {
            let l = |p: usize| self.values[p * self.rows + j];
            let top = (0..pi.len()).map(l).fold(f64::NEG_INFINITY, f64::max);
            let u: f64 = (0..pi.len()).map(|p| pi[p] * (l(p) - top).exp()).sum();
            objective += top + u.ln();
            g.iter_mut().enumerate().for_each(|(p, g)| *g += (l(p) - top).exp() / u);
        }
        (objective, g.iter().map(|g| g / total - 1.0).fold(f64::MIN, f64::max))
    }
}

impl LogLikelihoods for Matrix {
    type Subset = Vec<usize>;

    fn columns(&self) -> usize {
        self.values.len() / self.rows
    }

    fn blocks(&self) -> Vec<Range<usize>> {
        self.blocks.clone()
    }

    fn subset(&self, columns: &[usize]) -> Result<Self::Subset, Error> {
        Ok(columns.to_vec())
    }

    fn block(&self, subset: &Self::Subset, block: usize, out: &mut [f64]) -> Result<(), Error> {
        let range = self.blocks[block].clone();
        for (out, &p) in out.chunks_exact_mut(range.len()).zip(subset) {
            out.copy_from_slice(&self.values[p * self.rows..][range.clone()]);
        }
        Ok(())
    }
}

#[test]
fn the_optimum_is_that_of_the_matrix_in_memory_whatever_the_memory() {
    for (rows, cols) in [(1, 5), (300, 40), (6000, 90), (20_000, 60)] {
        let matrix = Matrix::new(rows, cols);
        let mut dirichlet = vec![1.0; cols];
        for penalty in [0.0, 9.0] {
            dirichlet[cols - 1] = 1.0 + penalty;
            let want = matrix.fit_held(&dirichlet);
            for memory in [0, 8 * rows * 30, usize::MAX] {
                let fit = matrix.fit(&dirichlet, memory);
                assert!(fit.ended.converged(), "{rows} {memory} {}", fit.ended.message);
                let error = (fit.objective - want.objective).abs() / want.objective.abs();
                assert!(error < 1e-9, "{rows} {memory}: {error:e}");
                let (objective, kkt) = matrix.certificate(&fit.pi, &dirichlet);
                assert!((objective - fit.objective).abs() < 1e-11 * objective.abs());
                assert!(kkt <= 1e-8 && (kkt.max(0.0) - fit.kkt).abs() < 1e-11, "{kkt:e}");
                assert!((fit.pi.iter().sum::<f64>() - 1.0).abs() < 1e-13);
                let falls = |f: &[f64]| f[1] < f[0] - 1e-12 * f[0].abs();
                assert!(!fit.ended.trace.windows(2).any(falls), "{:?}", fit.ended.trace);
            }
        }
    }
}

#[test]
fn a_column_that_only_rows_outside_the_sample_need_is_found() {
    // Two rows of 6000 are likely under the last column only, by far.
    let mut matrix = Matrix::new(6000, 31);
    for j in [150, 5990] {
        (0..31).for_each(|p| matrix.values[p * 6000 + j] -= 5000.0);
        matrix.values[30 * 6000 + j] = 2.0;
    }
    (0..6000).filter(|j| ![150, 5990].contains(j)).for_each(|j| {
        matrix.values[30 * 6000 + j] = -1e9;
    });
    let dirichlet = vec![1.0; 31];
    let (fit, want) = (matrix.fit(&dirichlet, 0), matrix.fit_held(&dirichlet));
    assert!(fit.ended.converged());
    assert!((fit.pi[30] - 2.0 / 6000.0).abs() < 1e-12, "{}", fit.pi[30]);
    assert!((fit.objective - want.objective).abs() < 1e-9 * want.objective.abs());
}

#[test]
fn threads_do_not_change_a_bit() {
    let matrix = Matrix::new(20_000, 40);
    let on = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
    let fits: Vec<Mixture> =
        (1..=3).map(|n| on(n).install(|| matrix.fit(&vec![1.0; 40], 0))).collect();
    for fit in &fits[1..] {
        assert_eq!(
            (&fit.pi, &fit.ended.trace, fit.kkt),
            (&fits[0].pi, &fits[0].ended.trace, fits[0].kkt)
        );
    }
}

#[test]
fn a_start_at_the_optimum_is_certified_without_iterations() {
    let matrix = Matrix::new(3000, 30);
    let dirichlet = vec![1.0; 30];
    let best = matrix.fit_held(&dirichlet);
    let (options, monitor) = (Options::default(), Monitor::default());
    let start = Some(&best.pi[..]);
    let fit = mixture_weights_by_blocks(&matrix, &dirichlet, start, options, 0, &monitor).unwrap();
    assert!(fit.ended.converged() && fit.ended.iterations == 0);
    assert!((fit.objective - best.objective).abs() < 1e-9);
}

#[test]
fn the_limit_of_iterations_is_reported_with_a_true_certificate() {
    let matrix = Matrix::new(3000, 60);
    let (dirichlet, monitor) = (vec![1.0; 60], Monitor::default());
    for max_iter in [0, 1] {
        let options = Options { max_iter, ..Options::default() };
        let fit =
            mixture_weights_by_blocks(&matrix, &dirichlet, None, options, 0, &monitor).unwrap();
        assert_eq!((fit.ended.stop, fit.ended.iterations), (Stop::Iterations, max_iter));
        let (objective, kkt) = matrix.certificate(&fit.pi, &dirichlet);
        assert!((kkt - fit.kkt).abs() < 1e-10 && (objective - fit.objective).abs() < 1e-8);
    }
}

#[test]
fn a_request_to_stop_is_obeyed_and_bad_values_are_named() {
    let mut matrix = Matrix::new(1000, 10);
    let (dirichlet, options) = (vec![1.0; 10], Options::default());
    let fit = |matrix: &Matrix, monitor: &Monitor| {
        mixture_weights_by_blocks(matrix, &dirichlet, None, options, 0, monitor).unwrap_err()
    };
    let stopped = Monitor::default();
    stopped.request_stop();
    assert_eq!(fit(&matrix, &stopped), Error::Interrupted);
    matrix.values[3 * 1000 + 998] = f64::NAN;
    let message = fit(&matrix, &Monitor::default()).to_string();
    assert!(message.contains("NaN at row 999, column 4"), "{message}");
}

#[test]
fn sums_over_rows_are_those_of_plain_loops() {
    let (matrix, monitor) = (Matrix::new(700, 7), Monitor::default());
    let x = [0.1, 0.0, 0.2, 0.3, 0.0, 0.3, 0.1];
    let columns = [5, 0, 3];
    let point = Point { x: &x, columns: &columns, floor: 0.05 };
    let sums = mixture_sums(&matrix, point, &monitor).unwrap();
    let l = |j: usize, p: usize| matrix.values[p * 700 + j];
    let u: Vec<f64> = (0..700).map(|j| (0..7).map(|p| x[p] * l(j, p).exp()).sum::<f64>()).collect();
    let close = |a: f64, b: f64| assert!((a - b).abs() <= 1e-10 * b.abs(), "{a} {b}");
    close(sums.value, u.iter().map(|u| u.ln()).sum());
    let ratio = |j: usize, p: usize| (l(j, p) - u[j].ln()).exp();
    for p in 0..7 {
        close(sums.g[p], (0..700).map(|j| ratio(j, p)).sum());
    }
    for (i, &p) in columns.iter().enumerate() {
        for (k, &q) in columns.iter().enumerate() {
            close(sums.hessian[(i, k)], (0..700).map(|j| ratio(j, p) * ratio(j, q)).sum());
        }
    }
    let top = |j: usize| (0..7).map(|p| l(j, p)).fold(f64::NEG_INFINITY, f64::max);
    let poor = (0..700).filter(|&j| u[j] < 0.05 * top(j).exp()).count();
    close(sums.cover.iter().sum(), 0.05 * poor as f64);
    let far = Point { columns: &[7], ..point };
    assert!(mixture_sums(&matrix, far, &monitor).unwrap_err().to_string().contains("number 8"));
}

#[test]
fn from_sums_over_all_rows_the_optimum_is_the_same_whatever_the_start() {
    let matrix = Matrix::new(1500, 40);
    let mut nullbiased = vec![1.0; 40];
    nullbiased[0] = 10.0;
    for dirichlet in [vec![1.0; 40], nullbiased] {
        let whole = matrix.fit_held(&dirichlet);
        let mut narrow = vec![0.0; 40];
        narrow[1] = 1.0;
        for start in [vec![1.0; 40], narrow] {
            let fit = matrix.fit_by_passes(&dirichlet, &start, 50);
            let (objective, kkt) = matrix.certificate(&fit.pi, &dirichlet);
            assert!(fit.ended.converged() && fit.ended.iterations < 40, "{:?}", fit.ended);
            assert!((fit.objective - objective).abs() < 1e-9 * objective.abs());
            assert!(kkt < 2e-8, "{kkt:e}");
            assert!((fit.objective - whole.objective).abs() < 1e-9 * objective.abs());
            assert_eq!(fit.ended.trace.len(), fit.ended.iterations + 1);
        }
        let short = matrix.fit_by_passes(&dirichlet, &[1.0; 40], 1);
        assert!(short.ended.stop == Stop::Iterations && short.kkt > 1e-8);
        assert!(short.gap >= whole.objective - short.objective);
    }
}

#[test]
fn rows_that_the_start_cannot_explain_are_covered_and_an_error_of_a_pass_ends_the_fit() {
    let mut matrix = Matrix::new(600, 40);
    // One row whose likelihood is nothing but for the widest of the second family.
    (0..39).for_each(|p| matrix.values[p * 600 + 7] = -1e6);
    matrix.values[39 * 600 + 7] = -3.0;
    let mut start = vec![0.0; 40];
    start[0] = 1.0;
    let fit = matrix.fit_by_passes(&[1.0; 40], &start, 50);
    let whole = matrix.fit_held(&[1.0; 40]);
    assert!(fit.ended.converged() && fit.pi[39] > 1.0 / 700.0);
    assert!((fit.objective - whole.objective).abs() < 1e-9 * whole.objective.abs());
    let failing = |_: Point<'_>| -> Result<Pass, Error> { Err(Error::Interrupted) };
    let failed = mixture_weights_by_passes(&[1.0; 40], &start, 1e-8, 50, failing);
    assert_eq!(failed.unwrap_err(), Error::Interrupted);
}
