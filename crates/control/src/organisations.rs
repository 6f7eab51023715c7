//! Organisations: who owns stores.

use tradewind_model::Micros;

use crate::control::Control;
use crate::error::ControlError;
use crate::secret::public_id;

/// The id of an organisation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrganisationId(pub(crate) String);

impl OrganisationId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One owner of stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// Its id.
    pub organisation_id: OrganisationId,
    /// The name people see.
    pub name: String,
    /// When it was made.
    pub created_at: Micros,
}

impl Control {
    /// Makes an organisation.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for an empty or overlong name; [`ControlError::Storage`].
    pub async fn create_organisation(&self, name: &str) -> Result<Organisation, ControlError> {
        let organisation = Organisation {
            organisation_id: OrganisationId(public_id("org_")?),
            name: checked_name(name)?,
            created_at: self.clock.now(),
        };
        self.insert_organisation(&organisation).await?;
        Ok(organisation)
    }

    /// Every organisation, oldest first.
    ///
    /// # Errors
    /// [`ControlError::Storage`].
    pub async fn organisations(&self) -> Result<Vec<Organisation>, ControlError> {
        let sql = "SELECT * FROM organisations ORDER BY created_at, organisation_id";
        let rows = self
            .database
            .rows("list the organisations", sql, &[])
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Organisation {
                    organisation_id: OrganisationId(row.text("organisation_id")?),
                    name: row.text("name")?,
                    created_at: Micros(row.integer("created_at")?),
                })
            })
            .collect()
    }

    /// The organisation of stores that were made without naming one: the oldest, made now when there is none.
    pub(crate) async fn home_organisation(&self) -> Result<OrganisationId, ControlError> {
        if let Some(first) = self.organisations().await?.into_iter().next() {
            return Ok(first.organisation_id);
        }
        let home = Organisation {
            organisation_id: OrganisationId("org_home".to_owned()),
            name: "Home".to_owned(),
            created_at: self.clock.now(),
        };
        self.insert_organisation(&home).await?;
        Ok(home.organisation_id)
    }

    async fn insert_organisation(&self, organisation: &Organisation) -> Result<(), ControlError> {
        self.database
            .run(
                "make an organisation",
                "INSERT INTO organisations (organisation_id, name, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                &[
                    organisation.organisation_id.as_str().into(),
                    organisation.name.as_str().into(),
                    organisation.created_at.0.into(),
                ],
            )
            .await?;
        Ok(())
    }
}

/// A name people see: trimmed, 1 to 120 characters, none of them a control character.
pub(crate) fn checked_name(name: &str) -> Result<String, ControlError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 120 || name.chars().any(char::is_control) {
        return Err(ControlError::Invalid(
            "a name has 1 to 120 characters, none of them a control character".to_owned(),
        ));
    }
    Ok(name.to_owned())
}
