//! One number, word or flag, and words and flags for many things.

use super::{Content, EXACT, Field, Outcome, refuse};

impl<'a> Field<'a> {
    pub fn number(&self) -> Outcome<f64> {
        match self.value.content {
            Content::Numbers(&[x]) if !x.is_nan() => Ok(x),
            Content::Integers(&[x]) if x != i32::MIN => Ok(f64::from(x)),
            _ => self.wrong("one number"),
        }
    }

    /// A whole number that is not negative, of R's exact ones.
    pub fn count(&self) -> Outcome<usize> {
        match self.number() {
            Ok(x) if x >= 0.0 && x.fract() == 0.0 && x <= EXACT => Ok(x as usize),
            _ => self.wrong("one whole number, not negative"),
        }
    }

    /// Such as the number of a row, counted from 1 in R and from 0 here.
    pub fn place(&self) -> Outcome<usize> {
        match self.count() {
            Ok(place) if place > 0 => Ok(place - 1),
            _ => self.wrong("one whole number from 1"),
        }
    }

    /// The seed of random numbers: a whole number, of either sign.
    pub fn seed(&self) -> Outcome<u64> {
        match self.number() {
            Ok(x) if x.fract() == 0.0 && x.abs() <= EXACT => Ok(x as i64 as u64),
            _ => self.wrong("one whole number"),
        }
    }

    pub fn flag(&self) -> Outcome<bool> {
        match &self.value.content {
            Content::Flags(x) if x.len() == 1 && x[0].is_some() => Ok(x[0] == Some(true)),
            _ => self.wrong("TRUE or FALSE"),
        }
    }

    /// Flags, of which none is missing.
    pub fn flags(&self, length: usize) -> Outcome<Vec<bool>> {
        let found = match &self.value.content {
            Content::Flags(x) if x.len() == length => x.iter().copied().collect(),
            _ => None,
        };
        found.map_or_else(|| self.wrong(format!("{length} times TRUE or FALSE")), Ok)
    }

    /// What the word stands for.
    pub fn one_of<T: Copy>(&self, words: &[(&str, T)]) -> Outcome<T> {
        let all = listed(words);
        let found = match &self.value.content {
            Content::Words(found) => &found[..],
            _ => &[],
        };
        let &[word] = found else { return self.wrong(format!("one of {all}")) };
        match words.iter().find(|w| w.0 == word) {
            Some((_, meaning)) => Ok(*meaning),
            None => refuse(format!("{} must be one of {all}; it is \"{word}\"", self.path)),
        }
    }

    /// What the words of a matrix stand for, by rows.
    pub fn table_of<T: Copy>(
        &self,
        cols: Option<usize>,
        words: &[(&str, T)],
    ) -> Outcome<Vec<Vec<T>>> {
        let all = listed(words);
        let (Content::Words(found), &[rows, c]) = (&self.value.content, &self.value.dim[..]) else {
            return self.wrong(format!("a matrix of {all}"));
        };
        let meaning = |word: &str| words.iter().find(|w| w.0 == word).map(|w| w.1);
        let row = |i: usize| (0..c).map(|j| meaning(found[j * rows + i])).collect();
        let cols = cols.unwrap_or(c);
        let table = if c == cols { (0..rows).map(row).collect() } else { None };
        table.map_or_else(|| self.wrong(format!("a matrix of {all}, in {cols} columns")), Ok)
    }
}

/// The words, for a message.
fn listed<T>(words: &[(&str, T)]) -> String {
    words.iter().map(|w| w.0).collect::<Vec<_>>().join(", ")
}
