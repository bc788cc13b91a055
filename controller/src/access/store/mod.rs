//! SQL of access, one file for each thing that is kept.

pub(super) mod approvals;
pub(super) mod links;
pub(super) mod people;
pub(super) mod roles;
pub(super) mod second_factor;
pub(super) mod sessions;
pub(super) mod tokens;

/// Every statement, so that a test can prepare them on both databases.
pub const STATEMENTS: &[&[&str]] = &[
    approvals::STATEMENTS,
    links::STATEMENTS,
    people::STATEMENTS,
    roles::STATEMENTS,
    second_factor::STATEMENTS,
    sessions::STATEMENTS,
    tokens::STATEMENTS,
];

/// The columns of a person with what their role may do, from `staff s JOIN roles r`, for [`people::read`].
macro_rules! person {
    () => {
        "s.id, s.branch_id, s.further_branches, s.reseller_id, s.username, s.name, s.role, s.active, s.phone, s.email, \
         s.language, r.title AS role_title, r.permissions, r.scope, r.second_factor AS second_factor_required, \
         CASE WHEN EXISTS (SELECT 1 FROM staff_totp f WHERE f.staff_id = s.id AND f.confirmed_at_ms IS NOT NULL) \
         THEN 1 ELSE 0 END AS second_factor"
    };
}
pub(super) use person;
