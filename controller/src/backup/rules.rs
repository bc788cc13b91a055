//! Which backups are kept, how a file is called, and when the next one is due. Pure.

use std::collections::BTreeSet;

use super::SUFFIX;

/// What every file's name begins with.
const PREFIX: &str = "lastmile-";

/// The name of a backup of this moment: `lastmile-20261122T150000Z.lmbackup`. Names sort as their moments do.
#[must_use]
pub(super) fn file_name(made_at: &str) -> String {
    let moment: String = made_at.chars().filter(|c| *c != '-' && *c != ':').collect();
    let moment = moment.split('.').next().unwrap_or("").trim_end_matches('Z');
    format!("{PREFIX}{moment}Z{SUFFIX}")
}

/// The moment of a file that is ours by its name, as `YYYYMMDDTHHMMSSZ`.
fn moment(name: &str) -> Option<&str> {
    let moment = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let ours = moment.len() == 16
        && moment.char_indices().all(|(at, c)| match at {
            8 => c == 'T',
            15 => c == 'Z',
            _ => c.is_ascii_digit(),
        });
    ours.then_some(moment)
}

/// Which of these files have had their time: all but the newest `keep` and the newest of each of the last `months`
/// months in which there are any. Files that are not called as ours are never among them.
#[must_use]
pub(super) fn surplus(names: &[String], keep: usize, months: usize) -> Vec<String> {
    let mut ours: Vec<(&str, &String)> = names.iter().filter_map(|name| Some((moment(name)?, name))).collect();
    ours.sort_unstable_by(|a, b| b.cmp(a));
    let mut seen = BTreeSet::new();
    let mut gone = Vec::new();
    for (at, (moment, name)) in ours.iter().enumerate() {
        let month = moment.get(..6).unwrap_or("");
        let first_of_month = !seen.contains(month);
        if first_of_month && seen.len() < months {
            seen.insert(month);
        } else if at >= keep {
            gone.push((*name).clone());
        }
    }
    gone
}

/// Whether the next backup is due.
#[must_use]
pub(super) fn is_due(every_hours: u32, last_ms: Option<i64>, now_ms: i64) -> bool {
    let every_ms = i64::from(every_hours) * 3_600_000;
    // A last one that lies ahead was made under a wrong clock.
    every_hours > 0 && last_ms.is_none_or(|last| now_ms - last >= every_ms || last > now_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_moment() {
        let name = file_name("2026-11-22T15:00:00.123Z");
        assert_eq!(name, "lastmile-20261122T150000Z.lmbackup");
        assert_eq!(moment(&name), Some("20261122T150000Z"));
        assert_eq!(moment("lastmile-2026.lmbackup"), None);
        assert_eq!(file_name("2026-11-22T15:00:00Z"), name);
    }

    #[test]
    fn the_newest_and_one_a_month_are_kept_and_what_is_not_ours_is_left_alone() {
        let day = |month: u32, day: u32| format!("lastmile-2026{month:02}{day:02}T030000Z.lmbackup");
        let mut names: Vec<String> = (1..=12).flat_map(|month| (1..=28).map(move |d| day(month, d))).collect();
        names.push("important.txt".into());
        let gone = surplus(&names, 3, 2);
        let kept: Vec<_> = names.iter().filter(|name| !gone.contains(name)).collect();
        assert_eq!(kept, [&day(11, 28), &day(12, 26), &day(12, 27), &day(12, 28), &"important.txt".to_owned()]);
        assert!(surplus(&names[..2], 3, 0).is_empty());
    }

    #[test]
    fn due_is_after_the_interval_never_when_switched_off() {
        assert!(is_due(24, None, 0));
        assert!(!is_due(0, None, 0));
        assert!(!is_due(24, Some(0), 86_399_999));
        assert!(is_due(24, Some(0), 86_400_000));
        assert!(is_due(24, Some(1_000), 0));
    }
}
