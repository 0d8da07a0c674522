//! Sweeps, and between them the residual variance and the weights.
//!
//! Given the sweep, `s2` and `pi` have closed forms that raise the bound. Expectation maximisation
//! of `pi` is slow, so by default the weights that the convex solver finds for the current `c_j` are
//! tried, see [`Proposal`]: they are kept if the bound is not lower after the next sweep, and
//! otherwise the ascent goes back to where it was and takes the safe step.

use super::model::{Fit, Grid, Options, Settings, Start, Step, check};
use super::sweep::{State, Sweep, Totals};
use crate::ended::BEYOND;
use crate::linalg::lanes::{dispatch, kernel};
use crate::normal_means::scalar::{ABSENT, Table, padded};
use crate::predictors::{Predictors, Response, residual_of};
use crate::weights::{
    self, Pace, Proposal, ROUNDING, WeightUpdate, expectation, largest_difference, log_dirichlet,
};
use crate::{Ended, Error, Monitor, Stop, memory};

/// Operations between two looks for an interrupt.
const PATIENCE: usize = 1 << 24;
/// Of data, the bound cannot fall.
const NO_DATA: &str = "the bound fell: the cross-products are not those of any data";

/// Fit one response.
///
/// # Errors
/// Wrong lengths; values out of range; a residual variance that is not positive;
/// `Error::Interrupted`.
pub fn fit<D: Predictors>(
    design: &D,
    response: &Response,
    settings: Settings,
    start: Start,
    monitor: &Monitor,
) -> Result<Fit, Error> {
    check(design, &settings, &start)?;
    Ascent::new(design, response, settings, start, monitor).run()
}

struct Ascent<'a, D> {
    design: &'a D,
    response: &'a Response,
    settings: Settings<'a>,
    monitor: &'a Monitor,
    grid: Grid,
    table: Table,
    state: State,
    pi: Vec<f64>,
    sigma2: f64,
    /// Predictors that the data say something about.
    informative: Vec<usize>,
    dirichlet: Vec<f64>,
    pace: Pace,
    /// Where to go back to if the weights in use, a proposal, lower the bound.
    refuge: Option<Refuge>,
}

/// An ascent before a proposal, with the weights of expectation maximisation.
struct Refuge {
    state: State,
    pi: Vec<f64>,
}

impl<'a, D: Predictors> Ascent<'a, D> {
    fn new(
        design: &'a D,
        response: &'a Response,
        settings: Settings<'a>,
        start: Start,
        monitor: &'a Monitor,
    ) -> Self {
        let norms = design.norms();
        let (b, residual) = match start.b {
            None => (vec![0.0; norms.len()], response.start.clone()),
            Some(b) => {
                let b: Vec<f64> =
                    b.iter().zip(norms).map(|(b, &d)| if d > 0.0 { *b } else { 0.0 }).collect();
                let residual = residual_of(design, response, &b);
                (b, residual)
            }
        };
        let total: f64 = start.pi.iter().sum();
        let components = start.pi.len();
        Self {
            design,
            response,
            settings,
            monitor,
            grid: settings.grid.clone(),
            table: Table::new(norms, &settings.grid.relative(start.sigma2)),
            state: State {
                products: vec![0.0; b.len()],
                variance: vec![0.0; b.len()],
                b,
                residual,
            },
            pi: start.pi.iter().map(|w| w / total).collect(),
            sigma2: start.sigma2,
            informative: settings.order.iter().copied().filter(|&j| norms[j] > 0.0).collect(),
            dirichlet: settings.dirichlet.map_or_else(|| vec![1.0; components], <[f64]>::to_vec),
            pace: Pace::default(),
            refuge: None,
        }
    }

    fn run(mut self) -> Result<Fit, Error> {
        let Options { tol, max_iter, .. } = self.settings.options;
        let n = self.design.samples();
        let (mut trace, mut steps) = (Vec::new(), Vec::new());
        let mut stop = Stop::Iterations;
        let mut iterations = 0;
        let mut variance = 0.0;
        while iterations < max_iter && stop == Stop::Iterations {
            iterations += 1;
            let totals = self.sweep()?;
            let elbo = self.elbo(&totals);
            let rise = elbo - trace.last().copied().unwrap_or(f64::NEG_INFINITY);
            let rounding = ROUNDING * (elbo.abs() + n);
            let fell = rise < -rounding;
            if let Some(safe) = self.refuge.take() {
                if fell || elbo.is_nan() {
                    (self.state, self.pi) = (safe.state, safe.pi);
                    self.pace.refused();
                    continue;
                }
                self.pace.kept();
            }
            variance = totals.variance;
            self.update_variances(&totals);
            self.pace.after(iterations, rise);
            let settled = rise <= tol * n && totals.change <= tol.sqrt();
            let before = self.pi.clone();
            let still = self.update_weights(&totals, settled, rounding)?;
            trace.push(elbo);
            steps.push(Step {
                sigma2: self.sigma2,
                change: totals.change,
                weights: largest_difference(&before, &self.pi),
            });
            if self.share_left() < -BEYOND {
                stop = Stop::Contradicted;
            } else if fell {
                stop = Stop::Fell;
            } else if settled && still {
                stop = Stop::Converged;
            }
        }
        if let Some(safe) = self.refuge.take() {
            self.pi = safe.pi; // the proposal was not tried
        }
        let ended = Ended::new(stop, iterations, trace).saying(Stop::Fell, NO_DATA);
        Ok(self.finish(steps, ended, variance))
    }

    /// Weights for the next sweep: a proposal if it is time for one, which leaves a refuge. Returns
    /// whether they were where they should be, up to the tolerance.
    fn update_weights(
        &mut self,
        totals: &Totals,
        settled: bool,
        rounding: f64,
    ) -> Result<bool, Error> {
        let Options { weights, tol, .. } = self.settings.options;
        if weights == WeightUpdate::Fixed {
            return Ok(true);
        }
        let safe = expectation(&totals.phi, &self.dirichlet).unwrap_or_else(|| self.pi.clone());
        let before = std::mem::replace(&mut self.pi, safe);
        let small = largest_difference(&before, &self.pi) <= tol.sqrt();
        if weights == WeightUpdate::Em || !self.pace.has_started() {
            return Ok(weights == WeightUpdate::Em && small);
        }
        let mut best = self.proposal(&before, &self.state.products)?;
        if settled && best.is_idle(0.0) {
            best = self.proposal(&before, &self.at_rest())?;
        }
        if best.is_idle(rounding) && settled {
            self.pi = best.pi;
            return Ok(true);
        }
        if self.pace.is_exhausted() {
            return Ok(small || best.is_idle(rounding));
        }
        let proposed = self.pace.part_of_the_way(&before, &best.pi);
        let pi = std::mem::replace(&mut self.pi, proposed);
        self.refuge = Some(Refuge { state: self.state.clone(), pi });
        Ok(best.is_idle(rounding))
    }

    fn sweep(&mut self) -> Result<Totals, Error> {
        let mut log_pi: Vec<f64> =
            self.pi.iter().map(|w| if *w > 0.0 { w.ln() } else { ABSENT }).collect();
        let width = padded(log_pi.len());
        log_pi.resize(width, ABSENT);
        let mut work = vec![0.0; width];
        let mut totals = Totals::new(width);
        let piece = (PATIENCE / (self.design.cost() + 8 * width)).max(16);
        let negligible = 1e-15 * self.response.total.sqrt();
        for order in self.informative.chunks(piece) {
            self.monitor.advance(0)?;
            dispatch(Sweep {
                design: self.design,
                order,
                table: &self.table,
                log_pi: &log_pi,
                sigma2: self.sigma2,
                negligible,
                state: &mut self.state,
                totals: &mut totals,
                work: &mut work,
            });
        }
        self.monitor.advance(1)?;
        Ok(totals)
    }

    /// The share of the response's sum of squares that is left; of products that are not of any data it
    /// may be below zero. Not a number if the sum is not known.
    fn share_left(&self) -> f64 {
        let total = self.response.total;
        if total > 0.0 { self.sum_of_squares() / total } else { f64::NAN }
    }

    fn sum_of_squares(&self) -> f64 {
        self.design.sum_of_squares(self.response, &self.state.b, &self.state.residual)
    }

    /// The bound, with the logarithms of the prior densities of what has one (up to constants).
    fn elbo(&self, totals: &Totals) -> f64 {
        let fitted = totals.explained - 0.5 * totals.squares + 0.5 * self.sum_of_squares();
        let mut elbo = -0.5 * self.design.samples() * (std::f64::consts::TAU * self.sigma2).ln()
            + totals.log_evidence
            - fitted / self.sigma2
            + log_dirichlet(&self.pi, &self.dirichlet);
        if let (Some((location, df)), Some(slab)) =
            (self.settings.options.slab, self.grid.values().last())
        {
            elbo -= 0.5 * df * (slab.ln() + location / slab);
        }
        elbo
    }

    /// Residual variance and slab given the sweep.
    fn update_variances(&mut self, totals: &Totals) {
        let options = self.settings.options;
        let n = self.design.samples();
        if options.update_sigma2 {
            let left = self.sum_of_squares();
            let squares = match self.grid {
                // The components' variances are s2 times numbers that stay.
                Grid::Relative(_) => left - totals.squares + totals.explained,
                Grid::Absolute(_) => left + totals.variance,
            };
            // A response that is fitted exactly has no likeliest variance.
            self.sigma2 = (squares / n).max(1e-12 * self.response.total / n);
        }
        if let (Some((location, df)), Grid::Relative(a)) = (options.slab, &mut self.grid) {
            let count: f64 = totals.phi[a.len() - 1];
            let squares = totals.shrink + totals.means / self.sigma2;
            if let Some(slab) = a.last_mut() {
                *slab = (location * df + squares) / (df + count).max(f64::MIN_POSITIVE);
            }
        }
        if options.slab.is_some()
            || (options.update_sigma2 && matches!(self.grid, Grid::Absolute(_)))
        {
            self.table = Table::new(self.design.norms(), &self.grid.relative(self.sigma2));
        }
    }

    /// The best weights for `c`.
    fn proposal(&self, start: &[f64], c: &[f64]) -> Result<Proposal, Error> {
        let (rows, cols) = (self.informative.len(), start.len());
        let stride = weights::stride(rows);
        let mut loglik = memory::zeros(stride * cols)?;
        fill(&self.table, &self.informative, c, 0.5 / self.sigma2, stride, &mut loglik);
        Proposal::new(loglik, rows, stride, &self.dirichlet, start, self.monitor)
    }

    /// `c` of all predictors at the residual as it is.
    fn at_rest(&self) -> Vec<f64> {
        let State { b, residual, .. } = &self.state;
        let mut c = self.state.products.clone();
        products(self.design, b, residual, &mut c);
        c
    }

    fn finish(self, steps: Vec<Step>, ended: Ended, variance: f64) -> Fit {
        let products = self.at_rest();
        let left = self.share_left();
        Fit {
            left,
            b: self.state.b,
            products,
            pi: self.pi,
            sigma2: self.sigma2,
            grid: self.grid.values().to_vec(),
            variances: self.state.variance,
            residual: self.state.residual,
            variance,
            steps,
            ended,
        }
    }
}

kernel!(
    /// `log BF_jk`, by components.
    fn fill<'a, V: Lanes>(
        table: &'a Table,
        predictors: &'a [usize],
        c: &'a [f64],
        half_inverse: f64,
        stride: usize,
        loglik: &'a mut [f64],
    ) {
        for (row, &j) in predictors.iter().enumerate() {
            let (shrink, half_log) = table.row(j);
            let half_z2 = c[j] * c[j] * half_inverse;
            for (k, column) in loglik.chunks_mut(stride).enumerate() {
                column[row] = half_log[k] + shrink[k] * half_z2;
            }
        }
    }
);

kernel!(
    fn products<'a, V: Lanes, D: Predictors>(
        design: &'a D,
        b: &'a [f64],
        residual: &'a [f64],
        c: &'a mut [f64],
    ) {
        let norms = design.norms();
        for (j, c) in c.iter_mut().enumerate() {
            if norms[j] > 0.0 {
                *c = design.product::<V>(j, residual) + norms[j] * b[j];
            }
        }
    }
);
