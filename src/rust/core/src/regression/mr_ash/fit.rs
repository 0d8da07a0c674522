//! Sweeps, and between them the residual variance and the weights.
//!
//! Given the sweep, `s2` and `pi` have closed forms that raise the bound. Expectation maximisation
//! of `pi` is slow, so by default, once the coefficients have come to rest somewhat, the weights
//! that the convex solver finds for the current `c_j` are tried instead: they are kept if the bound
//! is higher after the next sweep, and otherwise the ascent goes back to where it was and takes the
//! safe step, and the next proposal goes less far. A short enough one always succeeds: where the
//! coefficients are at rest, the gradients of the bound and of the solver's objective in `pi`
//! agree.

use super::model::{Fit, Grid, Options, Settings, Start, Step, WeightStep, check};
use super::sweep::{State, Sweep, Totals};
use crate::linalg::lanes::{dispatch, kernel};
use crate::normal_means::scalar::{ABSENT, Table, padded};
use crate::regression::design::{Design, Response, residual_of};
use crate::weights::{self, Likelihoods, mixture_weights, scale_rows};
use crate::{Ended, Error, Monitor, Stop};

/// Operations between two looks for an interrupt.
const PATIENCE: usize = 1 << 24;
/// A proposal that fails is followed by one that goes a quarter as far, down to this part of the
/// way.
const SHORTEST: f64 = 1e-6;
/// Weights are optimal when no others have a log-likelihood of the current effects that is higher by
/// more than this.
const GAP: f64 = 5e-7;
/// As long as a sweep gains more than this, the coefficients are far from settled, and the best
/// weights for them are no good: from a start at zero with correlated predictors, often all null,
/// which no ascent leaves again.
const EARLY: f64 = 0.1;
/// Of data, the bound cannot fall.
const NO_DATA: &str = "the bound fell: the cross-products are not those of any data";

/// Fit one response.
///
/// # Errors
/// Wrong lengths; values out of range; a residual variance that is not positive;
/// `Error::Interrupted`.
pub fn fit<D: Design>(
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
}

/// Weights, and how much better they are for the current `c` than those in use.
struct Proposal {
    pi: Vec<f64>,
    gain: f64,
}

/// Where to go back to if a proposal fails.
struct Refuge {
    state: State,
    pi: Vec<f64>,
}

impl<'a, D: Design> Ascent<'a, D> {
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
            state: State { c: vec![0.0; b.len()], variance: vec![0.0; b.len()], b, residual },
            pi: start.pi.iter().map(|w| w / total).collect(),
            sigma2: start.sigma2,
            informative: settings.order.iter().copied().filter(|&j| norms[j] > 0.0).collect(),
            dirichlet: settings.dirichlet.map_or_else(|| vec![1.0; components], <[f64]>::to_vec),
        }
    }

    fn run(mut self) -> Result<Fit, Error> {
        let Options { weights, tol, max_iter, .. } = self.settings.options;
        let n = self.design.samples();
        let (mut trace, mut steps) = (Vec::new(), Vec::new());
        let mut refuge: Option<Refuge> = None;
        let mut length: f64 = 1.0;
        let mut stop = Stop::Iterations;
        let mut iterations = 0;
        let mut variance = 0.0;
        while iterations < max_iter && stop == Stop::Iterations {
            iterations += 1;
            let totals = self.sweep()?;
            let elbo = self.elbo(&totals);
            let last = trace.last().copied().unwrap_or(f64::NEG_INFINITY);
            let rounding = 1e-11 * (elbo.abs() + n);
            let fell = elbo < last - rounding;
            if let Some(safe) = refuge.take() {
                if fell || elbo.is_nan() {
                    (self.state, self.pi) = (safe.state, safe.pi);
                    length *= 0.25;
                    continue;
                }
                length = (2.0 * length).min(1.0);
            }
            variance = totals.variance;
            self.update_variances(&totals);
            let before = self.pi.clone();
            let safe = self.expected_weights(&totals);
            let settled = elbo - last <= tol * n && totals.change <= tol.sqrt();
            let mut still = weights == WeightStep::Fixed;
            if weights == WeightStep::Convex && (settled || elbo - last <= EARLY) {
                let mut best = self.proposal(&before, &self.state.c)?;
                if settled && best.gain <= GAP {
                    best = self.proposal(&before, &self.at_rest())?;
                }
                // Not less than a change of the bound can show.
                still = best.gain <= GAP.max(4.0 * rounding);
                if still && settled {
                    self.pi = best.pi;
                } else if length >= SHORTEST {
                    let part = |(b, p): (&f64, &f64)| b + length * (p - b);
                    self.pi = before.iter().zip(&best.pi).map(part).collect();
                    refuge = Some(Refuge { state: self.state.clone(), pi: safe });
                } else {
                    still |= largest_difference(&before, &safe) <= tol.sqrt();
                    self.pi = safe;
                }
            } else if weights != WeightStep::Fixed {
                still =
                    weights == WeightStep::Em && largest_difference(&before, &safe) <= tol.sqrt();
                self.pi = safe;
            }
            trace.push(elbo);
            steps.push(Step {
                sigma2: self.sigma2,
                change: totals.change,
                weights: largest_difference(&before, &self.pi),
            });
            if fell {
                stop = Stop::Fell;
            } else if settled && still {
                stop = Stop::Converged;
            }
        }
        if let Some(safe) = refuge {
            self.pi = safe.pi; // the proposal was not tried
        }
        let ended = Ended::new(stop, iterations, trace).saying(Stop::Fell, NO_DATA);
        Ok(self.finish(steps, ended, variance))
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

    fn sum_of_squares(&self) -> f64 {
        self.design.sum_of_squares(self.response, &self.state.b, &self.state.residual)
    }

    /// The bound, with the logarithms of the prior densities of what has one (up to constants).
    fn elbo(&self, totals: &Totals) -> f64 {
        let fitted = totals.explained - 0.5 * totals.squares + 0.5 * self.sum_of_squares();
        let mut elbo = -0.5 * self.design.samples() * (std::f64::consts::TAU * self.sigma2).ln()
            + totals.log_evidence
            - fitted / self.sigma2;
        for (a, w) in self.dirichlet.iter().zip(&self.pi) {
            if *a > 1.0 {
                elbo += (a - 1.0) * w.ln();
            }
        }
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

    /// The weights of expectation maximisation.
    fn expected_weights(&self, totals: &Totals) -> Vec<f64> {
        let counts: Vec<f64> =
            totals.phi.iter().zip(&self.dirichlet).map(|(q, a)| q + a - 1.0).collect();
        let total: f64 = counts.iter().sum();
        if total > 0.0 { counts.iter().map(|q| q / total).collect() } else { self.pi.clone() }
    }

    /// The best weights for `c`.
    fn proposal(&self, start: &[f64], c: &[f64]) -> Result<Proposal, Error> {
        let (rows, cols) = (self.informative.len(), start.len());
        if rows == 0 {
            return Ok(Proposal { pi: start.to_vec(), gain: 0.0 });
        }
        let stride = weights::stride(rows);
        let mut loglik = vec![0.0; stride * cols];
        fill(&self.table, &self.informative, c, 0.5 / self.sigma2, stride, &mut loglik);
        scale_rows(&mut loglik, rows, cols, stride, self.monitor)?;
        let likelihoods = Likelihoods::new(&loglik, rows, cols, stride)?;
        let options = weights::Options { tol: 1e-9, max_iter: 50, ..Default::default() };
        let start = Some(start);
        let found =
            mixture_weights(likelihoods, &self.dirichlet, None, start, options, self.monitor)?;
        let gain = found.objective - found.ended.trace.first().unwrap_or(&found.objective);
        Ok(Proposal { pi: found.pi, gain })
    }

    /// `c` of all predictors at the residual as it is.
    fn at_rest(&self) -> Vec<f64> {
        let State { b, residual, .. } = &self.state;
        let mut c = self.state.c.clone();
        products(self.design, b, residual, &mut c);
        c
    }

    fn finish(self, steps: Vec<Step>, ended: Ended, variance: f64) -> Fit {
        let c = self.at_rest();
        Fit {
            b: self.state.b,
            c,
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
    fn products<'a, V: Lanes, D: Design>(
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

fn largest_difference(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)
}
