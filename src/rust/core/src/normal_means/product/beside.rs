//! A product beside the other components of a prior.
//!
//! The others have their weights given that it is not the product, and their posteriors are computed
//! without it; with the posterior weight `r` of the product in a unit,
//! ```text
//!   mean = (1 - r) m + r p,    variance = (1 - r) s^2 + r q^2 + r (1 - r) (m - p)^2,
//! ```
//! probabilities are mixed like means, and a sample is one of the product with probability `r`.

use faer::{Mat, MatRef};

use super::parts::Parts;
use super::signs::{Signs, Term, signs};
use super::unit::{Unit, Want};
use super::{Data, Product};
use crate::normal_means::posterior::Posterior;
use crate::normal_means::samples::Draw;
use crate::random::Stream;
use crate::{Error, Monitor};

/// Separates the random numbers of the product from those of the other components.
const STREAM: u64 = 0x9E37_79B9_7F4A_7C15;

/// What is less probable than this in a unit is not worth the signs of sums.
const NEGLIGIBLE: f64 = 1e-13;

/// A product and its weight among all components.
#[derive(Debug, Clone)]
pub struct Beside {
    /// The product.
    pub product: Product,
    /// Its weight; the others have the rest.
    pub weight: f64,
}

/// What of the effects is reported: `scale`, J by R in the caller's order, multiplies them, and `a`,
/// Q by R, maps them (so multiplied) to the results.
#[derive(Debug, Clone, Copy)]
pub struct Reported<'a> {
    /// The scale.
    pub scale: Option<&'a [f64]>,
    /// The map.
    pub a: Option<MatRef<'a, f64>>,
}

impl Reported<'_> {
    fn scale(&self, row: usize, units: usize, condition: usize) -> f64 {
        self.scale.map_or(1.0, |s| s[condition * units + row])
    }

    fn results(&self, conditions: usize) -> usize {
        self.a.map_or(conditions, |a| a.nrows())
    }

    /// The results as sums of effects.
    fn sums(&self, row: usize, data: &Data) -> Vec<Vec<Term>> {
        let by = |q: usize, c: usize| {
            let a = self.a.map_or(f64::from(u8::from(q == c)), |a| a[(q, c)]);
            a * self.scale(row, data.units, c)
        };
        let one = |q: usize| -> Vec<Term> {
            let terms = (0..data.conditions).map(|c| (c, by(q, c)));
            terms.filter(|term| term.1 != 0.0).collect()
        };
        (0..self.results(data.conditions)).map(one).collect()
    }

    fn check(&self, data: &Data) -> Result<(), Error> {
        let cells = data.units * data.conditions;
        shape("scale", cells, self.scale.map_or(cells, <[f64]>::len))?;
        shape("A", data.conditions, self.a.map_or(data.conditions, |a| a.ncols()))
    }
}

fn shape(name: &'static str, expected: usize, found: usize) -> Result<(), Error> {
    match expected == found {
        true => Ok(()),
        false => Err(Error::Shape { name, expected, found }),
    }
}

/// One unit under the product: its results, and their covariances if wanted.
struct Own {
    mean: Vec<f64>,
    variance: Vec<f64>,
    signs: Vec<Option<Signs>>,
    covariance: Option<Mat<f64>>,
}

impl Beside {
    /// Weights of the other components given that it is not the product, from their weights among all
    /// of them. Without any, the first has all.
    pub fn given_others(weights: &[f64]) -> Vec<f64> {
        let total: f64 = weights.iter().sum();
        let first = |k: usize| f64::from(u8::from(k == 0));
        let one = |(k, w): (usize, &f64)| if total > 0.0 { w / total } else { first(k) };
        weights.iter().enumerate().map(one).collect()
    }

    /// From log-likelihoods under the product and under the others, to those under all, in their place:
    /// `vloglik`, and `alternative` without the point mass, whose weight among the others is `null`.
    /// The posterior weights of the product.
    pub fn join(
        &self,
        product: &[f64],
        null: f64,
        vloglik: &mut [f64],
        alternative: Option<&mut [f64]>,
    ) -> Vec<f64> {
        let log_weight = self.weight.ln();
        let mixed = |others: f64, share: f64, own: f64| {
            let (a, b) = (others + share.ln(), own + log_weight);
            let top = a.max(b);
            top + ((a - top).exp() + (b - top).exp()).ln()
        };
        if let Some(alternative) = alternative {
            let share = (1.0 - self.weight) * (1.0 - null).max(0.0);
            let log_total = (share + self.weight).ln();
            for (value, &own) in alternative.iter_mut().zip(product) {
                // Without weight there is no alternative: as it was.
                if log_total > f64::NEG_INFINITY {
                    *value = mixed(*value, share, own) - log_total;
                }
            }
        }
        let of = |(value, &own): (&mut f64, &f64)| {
            *value = mixed(*value, 1.0 - self.weight, own);
            (own + log_weight - *value).exp().min(1.0)
        };
        vloglik.iter_mut().zip(product).map(of).collect()
    }

    /// Posteriors under the others, in `out`, become those under all components. `share`: the posterior
    /// weight of the product in each unit.
    ///
    /// # Errors
    /// Other shapes; noise that is not positive definite; `Error::Interrupted`.
    pub fn mix(
        &self,
        data: Data,
        share: &[f64],
        reported: Reported,
        out: Posterior,
        monitor: &Monitor,
    ) -> Result<(), Error> {
        let (j, results) = (data.units, reported.results(data.conditions));
        reported.check(&data)?;
        shape("weights", j, share.len())?;
        let Posterior { mean, sd, lfdr, negative, positive, lfsr, mut covariance } = out;
        let mut tables = [mean, sd, lfdr, negative, positive, lfsr];
        for table in &tables {
            shape("tables", j * results, table.len())?;
        }
        if let Some(covariance) = &covariance {
            shape("covariance", j * results * results, covariance.len())?;
        }
        let wants = covariance.is_some();
        let of = |unit: Unit, row: usize| self.own(&data, unit, row, share[row], &reported, wants);
        let want = if reported.a.is_none() { Want::Signs } else { Want::Moments };
        self.product.each_unit(
            data,
            (want, monitor),
            |row| share[row] > 0.0,
            of,
            |row, own: Own| {
                let r = share[row];
                let at = |q: usize| q * j + row;
                if let (Some(all), Some(own_covariance)) = (&mut covariance, &own.covariance) {
                    let matrix = &mut all[row * results * results..][..results * results];
                    let apart = |q: usize| tables[0][at(q)] - own.mean[q];
                    for (place, value) in matrix.iter_mut().enumerate() {
                        let (q, p) = (place / results, place % results);
                        let between = r * (1.0 - r) * apart(q) * apart(p);
                        *value = (1.0 - r) * *value + r * own_covariance[(q, p)] + between;
                    }
                }
                for q in 0..results {
                    let mixed = |a: f64, b: f64| (1.0 - r) * a + r * b;
                    let [mean, sd, lfdr, negative, positive, lfsr] =
                        tables.each_mut().map(|table| &mut table[at(q)]);
                    let apart = *mean - own.mean[q];
                    let within = mixed(*sd * *sd, own.variance[q]);
                    *sd = (within + r * (1.0 - r) * apart * apart).sqrt();
                    *mean = mixed(*mean, own.mean[q]);
                    if let Some(signs) = own.signs[q] {
                        *lfdr = mixed(*lfdr, signs.zero);
                        *negative = mixed(*negative, signs.negative);
                        *positive = mixed(*positive, signs.positive);
                        *lfsr = (*lfdr + negative.min(*positive)).min(1.0);
                    }
                }
            },
        )
    }

    fn own(
        &self,
        data: &Data,
        unit: Unit,
        row: usize,
        share: f64,
        reported: &Reported,
        covariance: bool,
    ) -> Own {
        let cells = unit.cells.iter();
        let variances: Vec<f64> =
            cells.map(|cell| (cell.second - cell.mean * cell.mean).max(0.0)).collect();
        let sums = reported.sums(row, data);
        let over = |terms: &[Term], of: &dyn Fn(Term) -> f64| -> f64 {
            terms.iter().map(|term| of(*term)).sum()
        };
        let mean = sums.iter().map(|s| over(s, &|(c, by)| by * unit.cells[c].mean)).collect();
        let variance: Vec<f64> =
            sums.iter().map(|s| over(s, &|(c, by)| by * by * variances[c])).collect();
        let signs = match reported.a {
            None => {
                let cells = unit.cells.iter().enumerate();
                let of = |(c, cell): (usize, &super::Cell)| {
                    // A scale of zero leaves nothing.
                    let none = sums[c].is_empty();
                    Some(match none {
                        true => Signs { zero: 1.0, negative: 0.0, positive: 0.0 },
                        false => Signs {
                            zero: cell.zero,
                            negative: cell.negative,
                            positive: cell.positive,
                        },
                    })
                };
                cells.map(of).collect()
            }
            Some(_) if share <= NEGLIGIBLE => vec![None; sums.len()],
            Some(_) => {
                let parts = self.parts(&unit);
                signs(&sums, &parts).into_iter().map(Some).collect()
            }
        };
        let covariance = covariance.then(|| {
            let mut all = Mat::<f64>::zeros(data.conditions, sums.len());
            for (q, terms) in sums.iter().enumerate() {
                terms.iter().for_each(|&(c, by)| all[(c, q)] = by);
            }
            Mat::from_fn(sums.len(), sums.len(), |q, p| {
                over(&sums[q], &|(c, by)| by * all[(c, p)] * variances[c])
            })
        });
        Own { mean, variance, signs, covariance }
    }

    fn parts(&self, unit: &Unit) -> Vec<Parts> {
        let each = unit.delta.iter().zip(&unit.beta).enumerate();
        each.map(|(c, (&delta, &beta))| self.product.parts(c, delta, beta)).collect()
    }

    /// Samples from the posterior of the others, J by R (or Q) by M in `out`, become those of all
    /// components: each is replaced by one of the product with the probability `share` of its unit.
    /// Numbers depend on seed, row and the number of the sample alone.
    ///
    /// # Errors
    /// Those of [`Beside::mix`].
    pub fn replace_samples(
        &self,
        data: Data,
        share: &[f64],
        reported: Reported,
        draw: Draw,
        out: &mut [f64],
        monitor: &Monitor,
    ) -> Result<(), Error> {
        let (j, results) = (data.units, reported.results(data.conditions));
        reported.check(&data)?;
        shape("weights", j, share.len())?;
        shape("samples", j * results * draw.samples, out.len())?;
        let of = |unit: Unit, row: usize| {
            let parts = self.parts(&unit);
            let sums = reported.sums(row, &data);
            let stream = Stream::new(draw.seed ^ STREAM, draw.first_row + row as u64);
            let chosen = |m: &u32| stream.uniform(*m) < share[row];
            let one = |m: u32| {
                let effects: Vec<f64> =
                    parts.iter().enumerate().map(|(c, p)| effect(&stream, m, c, p)).collect();
                let of = |terms: &Vec<Term>| -> f64 {
                    terms.iter().map(|&(c, by)| by * effects[c]).sum()
                };
                (m as usize, sums.iter().map(of).collect::<Vec<f64>>())
            };
            (0..draw.samples as u32).filter(chosen).map(one).collect::<Vec<_>>()
        };
        self.product.each_unit(
            data,
            (Want::Evidence, monitor),
            |row| share[row] > 0.0,
            of,
            |row, samples| {
                for (m, values) in samples {
                    for (q, value) in values.into_iter().enumerate() {
                        out[(m * results + q) * j + row] = value;
                    }
                }
            },
        )
    }
}

/// The effect in condition `c` in sample `m` (Box and Muller 1958).
fn effect(stream: &Stream, m: u32, c: usize, parts: &Parts) -> f64 {
    let pair = 2 * c as u32;
    let [u, _] = stream.uniforms(m, pair);
    parts.draw(u, || {
        let [a, b] = stream.uniforms(m, pair + 1);
        (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    })
}
