//! A figure beside its peer's, and the table of them.

use serde::Serialize;

/// One line of the table and of `bench.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measure {
    /// Name of the benchmark.
    pub name: &'static str,
    /// What is counted.
    pub unit: &'static str,
    /// Ours.
    pub ours: f64,
    /// The best of the peers, in the same unit.
    pub peer: Option<f64>,
    /// Who that is.
    pub peer_name: Option<String>,
    /// How many times better ours is.
    pub ratio: Option<f64>,
    /// What was set out to be reached.
    pub goal: String,
}

impl Measure {
    /// A figure of which less is better.
    #[must_use]
    pub fn less_is_better(
        name: &'static str,
        unit: &'static str,
        ours: f64,
        peer: Option<(f64, String)>,
        goal: &str,
    ) -> Self {
        let ratio = peer.as_ref().map(|(peer, _)| peer / ours);
        Self::new(name, unit, ours, peer, ratio, goal)
    }

    /// A figure of which more is better.
    #[must_use]
    pub fn more_is_better(
        name: &'static str,
        unit: &'static str,
        ours: f64,
        peer: Option<(f64, String)>,
        goal: &str,
    ) -> Self {
        let ratio = peer.as_ref().map(|(peer, _)| ours / peer);
        Self::new(name, unit, ours, peer, ratio, goal)
    }

    fn new(
        name: &'static str,
        unit: &'static str,
        ours: f64,
        peer: Option<(f64, String)>,
        ratio: Option<f64>,
        goal: &str,
    ) -> Self {
        let (peer, peer_name) = peer.unzip();
        Self { name, unit, ours, peer, peer_name, ratio, goal: goal.to_owned() }
    }
}

/// The middle one of the figures; 0 where there is none.
#[must_use]
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(0.0)
}

/// Few digits where a number is large, enough where it is small.
fn short(figure: f64) -> String {
    match figure.abs() {
        0.0 => "0".into(),
        large if large >= 1_000.0 => format!("{figure:.0}"),
        small if small < 0.01 => format!("{figure:.6}"),
        _ => format!("{figure:.2}"),
    }
}

/// The figures as a table for people.
#[must_use]
pub fn table(measures: &[Measure]) -> String {
    let mut out =
        format!("{:<24} {:<34} {:>12} {:>12} {:>9}  {}\n", "benchmark", "unit", "ours", "peer", "ratio", "goal");
    for m in measures {
        let optional = |figure: Option<f64>| figure.map_or_else(|| "-".into(), short);
        let peer = m.peer_name.as_deref().map(|name| format!(" (peer: {name})")).unwrap_or_default();
        out += &format!(
            "{:<24} {:<34} {:>12} {:>12} {:>9}  {}{peer}\n",
            m.name,
            m.unit,
            short(m.ours),
            optional(m.peer),
            optional(m.ratio),
            m.goal
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_says_how_many_times_better() {
        let less = Measure::less_is_better("a", "s", 2.0, Some((10.0, "x".into())), "");
        let more = Measure::more_is_better("a", "1/s", 10.0, Some((2.0, "x".into())), "");
        assert_eq!((less.ratio, more.ratio), (Some(5.0), Some(5.0)));
        assert!(table(&[less]).contains("5.00"));
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
    }
}
