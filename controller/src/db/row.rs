//! Reading columns that the driver has no type for: ids stored as text, flags stored as 0 and 1.

use std::error::Error;
use std::str::FromStr;

use sqlx::Row as _;
use sqlx::any::AnyRow;

/// Typed reading of a row.
pub trait Columns {
    /// A text column as what it spells, such as an id.
    ///
    /// # Errors
    /// When the column is missing, null, or spells something else.
    fn parsed<T>(&self, column: &str) -> Result<T, sqlx::Error>
    where
        T: FromStr,
        T::Err: Error + Send + Sync + 'static;

    /// As [`Columns::parsed`], for a column that may be null.
    ///
    /// # Errors
    /// When the column is missing or spells something else.
    fn parsed_or_none<T>(&self, column: &str) -> Result<Option<T>, sqlx::Error>
    where
        T: FromStr,
        T::Err: Error + Send + Sync + 'static;

    /// A 0/1 column.
    ///
    /// # Errors
    /// When the column is missing or null.
    fn flag(&self, column: &str) -> Result<bool, sqlx::Error>;
}

impl Columns for AnyRow {
    fn parsed<T>(&self, column: &str) -> Result<T, sqlx::Error>
    where
        T: FromStr,
        T::Err: Error + Send + Sync + 'static,
    {
        parse(column, &self.try_get::<String, _>(column)?)
    }

    fn parsed_or_none<T>(&self, column: &str) -> Result<Option<T>, sqlx::Error>
    where
        T: FromStr,
        T::Err: Error + Send + Sync + 'static,
    {
        self.try_get::<Option<String>, _>(column)?.map(|text| parse(column, &text)).transpose()
    }

    fn flag(&self, column: &str) -> Result<bool, sqlx::Error> {
        Ok(self.try_get::<i64, _>(column)? != 0)
    }
}

fn parse<T>(column: &str, text: &str) -> Result<T, sqlx::Error>
where
    T: FromStr,
    T::Err: Error + Send + Sync + 'static,
{
    text.parse().map_err(|error| sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(error) })
}
