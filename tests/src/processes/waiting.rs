//! Waiting for what can be seen, with a bound and with what was seen last.

use std::fmt::Debug;
use std::time::Duration;

use anyhow::{Result, bail};

/// How often is looked.
const STEP: Duration = Duration::from_millis(50);

/// Looks until `look` answers `Ok`, and returns its value.
///
/// # Errors
/// After `bound`, with what was awaited and what was seen last.
pub async fn eventually<T, E: Debug>(
    what: &str,
    bound: Duration,
    mut look: impl AsyncFnMut() -> Result<T, E>,
) -> Result<T> {
    let mut seen = None;
    let looking = async {
        loop {
            match look().await {
                Ok(value) => return value,
                Err(now) => seen = Some(now),
            }
            tokio::time::sleep(STEP).await;
        }
    };
    match tokio::time::timeout(bound, looking).await {
        Ok(value) => Ok(value),
        Err(_) => bail!("waited {bound:?} in vain for: {what}; seen last: {seen:?}"),
    }
}

/// Looks for the whole of `span` and fails as soon as `look` answers `Ok`: for things that must not happen.
///
/// # Errors
/// With what happened.
pub async fn never<T: Debug, E>(what: &str, span: Duration, mut look: impl AsyncFnMut() -> Result<T, E>) -> Result<()> {
    let looking = async {
        loop {
            if let Ok(value) = look().await {
                return value;
            }
            tokio::time::sleep(STEP).await;
        }
    };
    match tokio::time::timeout(span, looking).await {
        Ok(value) => bail!("happened, but must not: {what}; seen: {value:?}"),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Long enough for more than one look.
    const SHORT: Duration = STEP.saturating_mul(3);

    #[tokio::test]
    async fn waiting_ends_with_the_value_or_with_what_was_seen_last() {
        let mut looks = 0;
        let third = eventually("the third look", Duration::from_secs(60), async || {
            looks += 1;
            if looks == 3 { Ok(looks) } else { Err(looks) }
        });
        assert_eq!(third.await.unwrap(), 3);

        let vain = eventually::<(), _>("rain", SHORT, async || Err("sun")).await.unwrap_err();
        assert!(vain.to_string().contains("rain") && vain.to_string().contains("sun"), "{vain}");

        assert!(never("rain", SHORT, async || Err::<(), _>("sun")).await.is_ok());
        assert!(never("rain", SHORT, async || Ok::<_, ()>("drops")).await.is_err());
    }
}
