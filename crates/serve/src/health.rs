//! Whether the server is alive and ready: what `/healthz` and `/readyz` tell.

use serde::Serialize;
use utoipa::ToSchema;

/// One thing that must be in order before requests are welcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HealthCheck {
    /// What, such as `journal`.
    pub name: &'static str,
    /// Whether it is in order.
    pub ok: bool,
    /// What is wrong or being waited for. Everyone may read it: no secrets.
    pub message: Option<String>,
}

/// What `/readyz` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Readiness {
    /// Whether every check is in order.
    pub ready: bool,
    /// The checks.
    pub checks: Vec<HealthCheck>,
}

/// Knows whether the parts behind the API are in order. Asked on the async threads: must not wait.
pub trait Health: Send + Sync + 'static {
    /// Every check, in the order to be shown.
    fn checks(&self) -> Vec<HealthCheck>;
}

/// Readiness from checks.
#[must_use]
pub(crate) fn readiness(checks: Vec<HealthCheck>) -> Readiness {
    Readiness {
        ready: checks.iter().all(|check| check.ok),
        checks,
    }
}
