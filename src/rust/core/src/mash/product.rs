//! The mixtures of scales of effects that are independent between conditions.
//!
//! Where errors are independent, the weights of a condition are a convex problem of its own. Where
//! they are correlated, the data say of a cell what they do given the means of the others: the weights
//! are found in turns with these (see [`Product`]).

use std::ops::Range;

use super::weights::Blocks;
use crate::ended::{Ended, Stop};
use crate::normal_means::scalar::normal;
use crate::normal_means::{Correlation, Data, Likelihood, NormalMeans, Product};
use crate::weights::{Likelihoods, LogLikelihoods, Mixture, Options, mixture_weights, scale_rows};
use crate::weights::{Point, Sums, mixture_sums, mixture_weights_by_blocks, stride};
use crate::{Error, Monitor, Prior};

/// Turns of weights and means.
const TURNS: usize = 4;

/// Weights of variances in each condition, and how they were found.
#[derive(Debug, Clone)]
pub struct ProductWeights {
    /// L by R, by columns.
    pub weights: Vec<f64>,
    /// The largest violation of the optimality conditions, over the conditions.
    pub kkt: f64,
    /// All conditions together: iterations of all turns, the sum of the objectives after each turn.
    pub ended: Ended,
}

/// The weights of `variances` in each condition. `row_weights`: how much each unit counts;
/// `null_weight`: the Dirichlet parameter of the first variance, the others' being one.
///
/// # Errors
/// Those of [`Product::evidence`] and of the solver; no unit that counts and has a condition.
pub fn product_weights(
    data: Data,
    variances: &[f64],
    row_weights: &[f64],
    null_weight: f64,
    monitor: &Monitor,
) -> Result<ProductWeights, Error> {
    let (r, l) = (data.conditions, variances.len());
    let mut weights = vec![1.0 / l.max(1) as f64; l * r];
    let turns = if matches!(data.v, Correlation::Identity) { 1 } else { TURNS };
    let mut dirichlet = vec![1.0; l];
    if let Some(first) = dirichlet.first_mut() {
        *first = null_weight;
    }
    let (mut iterations, mut trace) = (0, Vec::with_capacity(turns));
    let (mut kkt, mut stop) = (0.0_f64, Stop::Converged);
    for _ in 0..turns {
        (kkt, stop) = (0.0, Stop::Converged);
        let mut objective = 0.0;
        let product = Product::new(r, variances, &weights)?;
        let [delta, beta] = product.evidence(data, monitor)?;
        let columns = delta.chunks_exact(data.units).zip(beta.chunks_exact(data.units));
        for (out, (delta, beta)) in weights.chunks_exact_mut(l).zip(columns) {
            let rows: Vec<usize> =
                (0..data.units).filter(|&row| delta[row] > 0.0 && row_weights[row] > 0.0).collect();
            // Nothing counts here: nothing is known but that most effects are zero.
            if rows.is_empty() {
                continue;
            }
            let counts: Vec<f64> = rows.iter().map(|&row| row_weights[row]).collect();
            let n = rows.len();
            let stride = stride(n);
            let mut values = vec![0.0; stride * l];
            for (column, &v) in values.chunks_exact_mut(stride).zip(variances) {
                for (value, &row) in column.iter_mut().zip(&rows) {
                    *value = normal(delta[row], beta[row], v).log_bayes;
                }
            }
            let maxima = scale_rows(&mut values, n, l, stride, monitor)?;
            let view = Likelihoods::new(&values, n, l, stride)?;
            let options = Options::default();
            let fit = mixture_weights(view, &dirichlet, Some(&counts), None, options, monitor)?;
            out.copy_from_slice(&fit.pi);
            iterations += fit.ended.iterations;
            objective +=
                fit.objective + counts.iter().zip(&maxima).map(|(c, m)| c * m).sum::<f64>();
            kkt = kkt.max(fit.kkt);
            if !fit.ended.converged() {
                stop = fit.ended.stop;
            }
        }
        trace.push(objective);
    }
    Ok(ProductWeights { weights, kkt, ended: Ended::new(stop, iterations, trace) })
}

/// The weights of the components of a prior and of one more, whose log-likelihoods of the units are
/// `extra`, in the caller's order: the last of the proportions.
///
/// # Errors
/// Those of the solver; as many numbers as there are not units.
pub fn weights_with(
    means: &NormalMeans,
    prior: &Prior,
    extra: &[f64],
    dirichlet: &[f64],
    options: Options,
    memory: usize,
    monitor: &Monitor,
) -> Result<Mixture, Error> {
    let source = WithExtra::new(means, prior, extra)?;
    mixture_weights_by_blocks(&source, dirichlet, None, options, memory, monitor)
}

/// What one pass over the units says about the weights of a point, with one more component as in
/// [`weights_with`].
///
/// # Errors
/// As many numbers as there are not units; those of the components.
pub fn weight_sums_with(
    means: &NormalMeans,
    prior: &Prior,
    extra: &[f64],
    point: Point<'_>,
    monitor: &Monitor,
) -> Result<Sums, Error> {
    mixture_sums(&WithExtra::new(means, prior, extra)?, point, monitor)
}

/// The log-likelihoods of the components, and a column after the last.
struct WithExtra<'a> {
    blocks: Blocks<'a>,
    /// In arranged order.
    extra: Vec<f64>,
}

impl<'a> WithExtra<'a> {
    fn new(means: &'a NormalMeans, prior: &'a Prior, extra: &[f64]) -> Result<Self, Error> {
        if extra.len() != means.units {
            let (expected, found) = (means.units, extra.len());
            return Err(Error::Shape { name: "extra", expected, found });
        }
        let blocks = Blocks { means, prior, blocks: means.blocks() };
        let extra = (0..means.units).map(|position| extra[means.row(position)]).collect();
        Ok(Self { blocks, extra })
    }
}

/// Some components, and where among them the column is.
struct Chosen<'a> {
    components: Option<Likelihood<'a>>,
    place: Option<usize>,
}

impl<'a> LogLikelihoods for WithExtra<'a> {
    type Subset = Chosen<'a>;

    fn columns(&self) -> usize {
        self.blocks.columns() + 1
    }

    fn blocks(&self) -> Vec<Range<usize>> {
        self.blocks.blocks()
    }

    fn subset(&self, columns: &[usize]) -> Result<Self::Subset, Error> {
        let last = self.blocks.columns();
        let components: Vec<usize> = columns.iter().copied().filter(|&c| c < last).collect();
        let some = (!components.is_empty()).then(|| self.blocks.subset(&components));
        let place = columns.iter().position(|&c| c == last);
        Ok(Chosen { components: some.transpose()?, place })
    }

    fn block(&self, subset: &Self::Subset, block: usize, out: &mut [f64]) -> Result<(), Error> {
        let range = self.blocks.blocks[block].range.clone();
        let rows = range.len();
        let of_components = out.len() - rows * usize::from(subset.place.is_some());
        if let Some(components) = &subset.components {
            self.blocks.block(components, block, &mut out[..of_components])?;
        }
        if let Some(place) = subset.place {
            out[of_components..].copy_from_slice(&self.extra[range]);
            out[place * rows..].rotate_right(rows);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{normals, uniforms};

    /// Spikes and slabs in two conditions, the second with a missing cell in every third unit.
    fn draws(j: usize) -> Vec<f64> {
        let (z, u) = (normals(1, 4 * j), uniforms(2, 2 * j));
        let cell = |i: usize, sd: f64, share: f64| {
            z[i] + if u[i] < share { sd * z[2 * j + i] } else { 0.0 }
        };
        let first = (0..j).map(|i| cell(i, 3.0, 0.3));
        let second = (j..2 * j).map(|i| if i % 3 == 0 { f64::NAN } else { cell(i, 5.0, 0.1) });
        first.chain(second).collect()
    }

    #[test]
    fn weights_of_independent_errors_are_at_the_maximum_of_each_condition() {
        let j = 600;
        let (x, s) = (draws(j), vec![1.0; 2 * j]);
        let data = Data { units: j, conditions: 2, x: &x, s: &s, v: Correlation::Identity };
        let variances = [0.0, 1.0, 9.0, 25.0];
        let counts: Vec<f64> = uniforms(3, j);
        let monitor = Monitor::default();
        let found = product_weights(data, &variances, &counts, 10.0, &monitor).unwrap();
        assert!(found.ended.converged() && found.ended.iterations > 0 && found.kkt < 1e-6);
        let found = found.weights;
        for c in 0..2 {
            let weights = &found[4 * c..4 * c + 4];
            assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            // The gradient of the penalised log-likelihood: one where there is weight, else less.
            let mut gradient = [9.0 / weights[0], 0.0, 0.0, 0.0];
            let mut total = 9.0;
            for (row, count) in counts.iter().enumerate() {
                let x = x[c * j + row];
                if x.is_nan() {
                    continue;
                }
                let density = |v: f64| (-0.5 * x * x / (1.0 + v)).exp() / (1.0 + v).sqrt();
                let mixture: f64 = weights.iter().zip(variances).map(|(w, v)| w * density(v)).sum();
                total += count;
                for (g, v) in gradient.iter_mut().zip(variances) {
                    *g += count * density(v) / mixture;
                }
            }
            for (g, w) in gradient.iter().zip(weights) {
                let g = g / total - 1.0;
                assert!(g < 1e-6 && (*w == 0.0 || g > -1e-6), "{c} {g} {w}");
            }
        }
    }

    #[test]
    fn turns_with_correlated_errors_raise_the_bound_and_find_the_shares() {
        let j = 3000;
        let mut x = draws(j);
        // Errors correlated by .8: the second ones lean on the first.
        let z = normals(1, 4 * j);
        for i in 0..j {
            x[j + i] += 0.8 * z[i] - 0.4 * z[j + i];
        }
        let v = [1.0, 0.8, 0.8, 1.0];
        let s = vec![1.0; 2 * j];
        let data = Data { units: j, conditions: 2, x: &x, s: &s, v: Correlation::Common(&v) };
        let (monitor, counts) = (Monitor::default(), vec![1.0; j]);
        let variances = [0.0, 9.0, 25.0];
        let found = product_weights(data, &variances, &counts, 1.0, &monitor).unwrap();
        assert_eq!(found.ended.trace.len(), TURNS);
        let found = found.weights;
        assert!((found[0] - 0.7).abs() < 0.06 && (found[3] - 0.9).abs() < 0.04, "{found:?}");
    }

    #[test]
    fn a_condition_without_units_that_count_is_left_alone() {
        let x = [1.0, 2.0, f64::NAN, f64::NAN];
        let data = Data { units: 2, conditions: 2, x: &x, s: &[1.0; 4], v: Correlation::Identity };
        let found = product_weights(data, &[0.0, 4.0], &[1.0, 1.0], 10.0, &Monitor::default());
        let found = found.unwrap().weights;
        assert_eq!(found[2..], [0.5, 0.5]);
        assert!(found[0] > 0.5);
    }

    #[test]
    fn one_more_column_has_the_weight_that_it_has_in_the_whole_matrix() {
        let (j, r) = (700, 2);
        let z = normals(5, j * r);
        let x: Vec<f64> = z.iter().enumerate().map(|(i, z)| z * (1.0 + (i % 3) as f64)).collect();
        let (s, monitor) = (vec![1.0; j * r], Monitor::default());
        // Some of the units without one cell, so that units are arranged.
        let x: Vec<f64> =
            x.iter().enumerate().map(|(i, &x)| if i % 7 == 0 { f64::NAN } else { x }).collect();
        let data = Data { units: j, conditions: r, x: &x, s: &s, v: Correlation::Identity };
        let means = NormalMeans::new(data).unwrap();
        let equal = [1.0; 4];
        let prior = Prior::new(r, &[("U", &equal)], &[0.5, 2.0], true).unwrap();
        let product = Product::new(r, &[0.0, 4.0], &[0.5; 4]).unwrap();
        let [delta, beta] = product.evidence(data, &monitor).unwrap();
        let mut extra = vec![0.0; j];
        for row in 0..j {
            for c in 0..r {
                let at = c * j + row;
                if delta[at] > 0.0 {
                    let cell = product.cell(c, delta[at], beta[at], false);
                    let log_2_pi = (2.0 * std::f64::consts::PI).ln();
                    extra[row] += cell.log_evidence - 0.5 * (log_2_pi + x[at] * x[at]);
                }
            }
        }
        let dirichlet = [10.0, 1.0, 1.0, 1.0];
        let options = Options::default();
        let found =
            weights_with(&means, &prior, &extra, &dirichlet, options, 1 << 30, &monitor).unwrap();
        // The same by the whole matrix.
        let stride = stride(j);
        let mut values = vec![0.0; stride * 4];
        let out = faer::MatMut::from_column_major_slice_with_stride_mut(&mut values, j, 3, stride);
        Likelihood::new(&means, &prior).unwrap().arranged(out, &monitor).unwrap();
        for position in 0..j {
            values[3 * stride + position] = extra[means.row(position)];
        }
        let maxima = scale_rows(&mut values, j, 4, stride, &monitor).unwrap();
        let view = Likelihoods::new(&values, j, 4, stride).unwrap();
        let want = mixture_weights(view, &dirichlet, None, None, options, &monitor).unwrap();
        let want = want.unscale(&maxima, None);
        assert!((found.objective - want.objective).abs() < 1e-7 * want.objective.abs());
        assert!(found.pi.iter().zip(&want.pi).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?}");
        assert!(found.pi[3] > 0.1);
        // Columns in any order.
        let blocks = Blocks { means: &means, prior: &prior, blocks: means.blocks() };
        let extra = (0..j).map(|position| extra[means.row(position)]).collect();
        let source = WithExtra { blocks, extra };
        let rows = source.blocks()[0].len();
        let block = |columns: &[usize]| {
            let mut out = vec![0.0; rows * columns.len()];
            source.block(&source.subset(columns).unwrap(), 0, &mut out).unwrap();
            out
        };
        let all = block(&[0, 1, 2, 3]);
        let some = block(&[2, 3, 0]);
        for (to, from) in [2, 3, 0].into_iter().enumerate() {
            assert_eq!(some[to * rows..(to + 1) * rows], all[from * rows..(from + 1) * rows]);
        }
        assert_eq!(block(&[3]), all[3 * rows..]);
        let short = weights_with(&means, &prior, &[0.0], &dirichlet, options, 1, &monitor);
        assert!(short.is_err());
    }
}
