//! Problems on which doubles lose their digits, with answers of 130 digits (`tools/careful_reference.py`).

#![allow(missing_docs)] // the fields are the notation of the package

use super::{Correlation, Data};
use crate::Prior;
use crate::linalg::psd::Factor;

/// One unit and one component, of which the conditions that are first have their moments.
pub struct Hostile {
    pub name: String,
    pub factor: Factor,
    pub x: Vec<f64>,
    pub s: Vec<f64>,
    pub v: Option<Vec<f64>>,
    pub log_density: f64,
    /// `sum |x_i y_i|`, `y = T^{-1} x`: what a change of `x` in its last place does to the log-density.
    pub slack: f64,
    /// Mean, standard deviation and the probability of being negative.
    pub moments: Vec<[f64; 3]>,
}

/// The square root of the scale of the component.
pub const SCALE: f64 = 1.5;

struct Draws(u64);

impl Draws {
    fn next(&mut self, below: u64) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % below) as f64
    }
}

/// All of them.
pub fn problems() -> Vec<Hostile> {
    let lines = include_str!("../../tests/data/hostile.txt").lines();
    lines.enumerate().map(|(seed, line)| problem(seed as u64, line)).collect()
}

fn problem(seed: u64, line: &str) -> Hostile {
    let (name, numbers) = line.split_once(" : ").unwrap();
    let numbers: Vec<f64> = numbers.split(' ').map(|n| n.parse().unwrap()).collect();
    let words: Vec<&str> = name.split(' ').collect();
    let whole = |at: usize| words[at].parse::<i64>().unwrap();
    let (r, rank) = (whole(0) as usize, whole(1) as usize);
    let mut draws = Draws(seed);
    let mut values = vec![0.0; r * rank];
    for i in 0..r {
        for c in 0..rank.min(i + 1) {
            let u = draws.next(33);
            let f = if i == c { (8.0 + u % 17.0) / 8.0 } else { (u - 16.0) / 8.0 };
            let small = whole(7) == 1 && c > 0;
            values[i * rank + c] = if small { f * 2f64.powi(-20) } else { f };
        }
    }
    let special = draws.next(r.min(6) as u64) as usize;
    let power = (whole(2) as f64 * std::f64::consts::LOG2_10).round() as i64;
    let last = (r as i64 - 1).max(1);
    let exponent = |i: usize| match words[3] {
        "all" => power,
        "one" if i == special => power,
        "half" if i % 2 == 0 => power,
        "up" => (power * i as i64).div_euclid(last),
        "down" => (power * (r - 1 - i) as i64).div_euclid(last),
        _ => 0,
    };
    let s: Vec<f64> =
        (0..r).map(|i| (8.0 + draws.next(9)) / 8.0 * 2f64.powi(exponent(i) as i32)).collect();
    let a: Vec<f64> = (0..rank).map(|_| (draws.next(65) - 32.0) / 16.0).collect();
    let largest = if words[5] == "far" { 8192.0 } else { 4.0 };
    let mut x: Vec<f64> =
        s.iter().map(|s| s * ((draws.next(2001) - 1000.0) * largest / 1024.0)).collect();
    if words[5] == "prior" {
        for (i, x) in x.iter_mut().enumerate() {
            let fa: f64 = (0..rank).map(|c| values[i * rank + c] * a[c]).sum();
            *x += SCALE * fa;
        }
    }
    if whole(6) == 1 {
        x.iter_mut().skip(1).step_by(3).for_each(|x| *x = f64::NAN);
    }
    let off = |apart: i32| if words[4] == "banded" { 0.5f64.powi(apart) } else { NEAR };
    let entry = |k: usize| match (k / r).abs_diff(k % r) {
        0 => 1.0,
        apart => off(apart as i32),
    };
    let v = (words[4] != "identity").then(|| (0..r * r).map(entry).collect());
    let nonzero = |i: &usize| values[i * rank..(i + 1) * rank].iter().any(|f| *f != 0.0);
    let support = (0..r).filter(nonzero).collect();
    let factor = Factor { rows: r, rank, values, support };
    let moments = numbers[2..].chunks_exact(3).map(|m| [m[0], m[1], m[2]]).collect();
    let (log_density, slack) = (numbers[0], numbers[1]);
    Hostile { name: name.to_string(), factor, x, s, v, log_density, slack, moments }
}

/// `1 - 2^-40`.
const NEAR: f64 = 1.0 - 1.0 / 1_099_511_627_776.0;

/// The same problem as one of several units: what is arranged for it differs.
pub struct Form {
    pub name: &'static str,
    pub units: usize,
    pub x: Vec<f64>,
    pub s: Vec<f64>,
    pub v: Option<Vec<f64>>,
}

impl Form {
    pub fn data(&self) -> Data<'_> {
        let conditions = self.s.len() / self.units;
        let v = match &self.v {
            None => Correlation::Identity,
            Some(v) if v.len() == conditions * conditions => Correlation::Common(v),
            Some(v) => Correlation::PerUnit(v),
        };
        Data { units: self.units, conditions, x: &self.x, s: &self.s, v }
    }
}

impl Hostile {
    pub fn data(&self) -> Data<'_> {
        let v = self.v.as_ref().map_or(Correlation::Identity, |v| Correlation::Common(v));
        Data { units: 1, conditions: self.s.len(), x: &self.x, s: &self.s, v }
    }

    /// The unit alone, which is noise that all units share; beside an ordinary one; with a V of its own.
    pub fn forms(&self) -> Vec<Form> {
        let r = self.s.len();
        let beside = |of: &[f64], other: f64| -> Vec<f64> {
            of.iter().enumerate().flat_map(|(i, v)| [*v, other + 0.1 * i as f64]).collect()
        };
        let (x, s) = (beside(&self.x, 0.3), beside(&self.s, 1.0));
        let identity = || (0..r * r).map(|k| f64::from(u8::from(k % (r + 1) == 0))).collect();
        let v = self.v.clone().unwrap_or_else(identity);
        vec![
            Form {
                name: "alone",
                units: 1,
                x: self.x.clone(),
                s: self.s.clone(),
                v: self.v.clone(),
            },
            Form { name: "beside", units: 2, x: x.clone(), s: s.clone(), v: self.v.clone() },
            Form { name: "own V", units: 2, x, s, v: Some([&v[..], &v].concat()) },
        ]
    }

    pub fn prior(&self) -> Prior {
        let (factors, scales) = (vec![self.factor.clone()], vec![vec![SCALE * SCALE]]);
        Prior::scaled(self.s.len(), factors, scales, false).unwrap()
    }

    /// The group in tables of worst errors.
    pub fn group(&self) -> String {
        let words: Vec<&str> = self.name.split(' ').collect();
        let rank = match (words[0], words[1]) {
            (r, rank) if r == rank => "full rank",
            (_, "1") => "rank 1",
            _ => "half rank",
        };
        format!("{rank}, V {}", words[4])
    }
}

/// The worst errors of each group.
#[derive(Default)]
pub struct Worst(std::collections::BTreeMap<String, Vec<(f64, String)>>);

impl Worst {
    /// One error of each kind, of the problem with this name.
    pub fn add(&mut self, group: String, name: &str, errors: &[f64]) {
        let none = || vec![(0.0, String::new()); errors.len()];
        for (worst, &error) in self.0.entry(group).or_insert_with(none).iter_mut().zip(errors) {
            let error = if error.is_nan() { f64::INFINITY } else { error };
            if error > worst.0 {
                *worst = (error, name.to_string());
            }
        }
    }

    /// Print them (`--nocapture`), and fail where one is above its limit.
    pub fn check(&self, limits: &[f64]) {
        let mut ok = true;
        for (group, worst) in &self.0 {
            for ((error, name), limit) in worst.iter().zip(limits) {
                let good = error <= limit;
                ok &= good;
                println!("{group}: {error:.1e} {}{name}", if good { "" } else { "TOO LARGE " });
            }
        }
        assert!(ok, "errors are too large");
    }
}
