//! From an observation to a verdict.

use super::{
    crash, current,
    look::{ObservedParent, RolloutStatus},
    pending, refusal,
};

/// Judges an observation. Pure and total, whatever the API server sent.
pub fn judge(look: &ObservedParent<'_>) -> RolloutStatus {
    let current = match current::find(look) {
        Ok(current) => current,
        Err(verdict) => return *verdict,
    };
    let Some(pod) = current.pod else {
        return refusal::judge(look, &current);
    };
    crash::judge(look, &current, pod).unwrap_or_else(|| pending::judge(look, &current, pod))
}
