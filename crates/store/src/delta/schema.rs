//! Columns of a table: from Arrow to the JSON of the log, and new columns for an old table.

use arrow_schema::{DataType, Schema, TimeUnit};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::DeltaError;

/// A column as the log describes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Field {
    name: String,
    /// A name for plain types; an object for nested ones, which only other writers make.
    #[serde(rename = "type")]
    kind: Value,
    nullable: bool,
    metadata: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct Struct {
    #[serde(rename = "type")]
    kind: String,
    fields: Vec<Field>,
}

/// The columns for an Arrow schema.
pub(super) fn fields(schema: &Schema) -> Result<Vec<Field>, DeltaError> {
    let field = |field: &arrow_schema::FieldRef| match kind(field.data_type()) {
        Some(kind) => Ok(Field {
            name: field.name().clone(),
            kind: Value::from(kind),
            nullable: field.is_nullable(),
            metadata: Map::new(),
        }),
        None => Err(DeltaError::Schema {
            column: field.name().clone(),
            reason: format!("a Delta table has no type for {}", field.data_type()),
        }),
    };
    let fields: Vec<Field> = schema.fields().iter().map(field).collect::<Result<_, _>>()?;
    let mut names: Vec<String> = fields.iter().map(|f| f.name.to_lowercase()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(conflict(&pair[0], "two columns have this name")),
        None => Ok(fields),
    }
}

/// Checks that partition columns are columns, and not all of them.
pub(super) fn check_partitions(fields: &[Field], partitions: &[String]) -> Result<(), DeltaError> {
    for partition in partitions {
        if !fields.iter().any(|field| field.name == *partition) {
            return Err(conflict(partition, "the table is to be partitioned by it but lacks it"));
        }
    }
    if !fields.is_empty() && partitions.len() >= fields.len() {
        return Err(conflict(&fields[0].name, "a table needs a column that is no partition"));
    }
    Ok(())
}

/// The text of the columns in the log.
pub(super) fn encode(fields: &[Field]) -> String {
    let schema = Struct { kind: "struct".into(), fields: fields.to_vec() };
    serde_json::json!(schema).to_string()
}

/// The columns from their text.
pub(super) fn decode(text: &str) -> Result<Vec<Field>, String> {
    let schema: Struct =
        serde_json::from_str(text).map_err(|error| format!("unknown schema: {error}"))?;
    Ok(schema.fields)
}

/// The table's columns with those of `wanted` that it lacks at the end; `None` if it lacks none.
pub(super) fn merge(table: Vec<Field>, wanted: &[Field]) -> Result<Option<Vec<Field>>, DeltaError> {
    let mut merged = table;
    let known = merged.len();
    for field in wanted {
        match merged[..known].iter().find(|f| f.name.eq_ignore_ascii_case(&field.name)) {
            Some(found) if found.name != field.name => {
                return Err(conflict(&field.name, "the table spells it differently"));
            }
            Some(found) if found.kind != field.kind => {
                let reason = format!("it is {} in the table, not {}", found.kind, field.kind);
                return Err(conflict(&field.name, &reason));
            }
            Some(found) if field.nullable && !found.nullable => {
                return Err(conflict(&field.name, "it cannot be null in the table"));
            }
            Some(_) => {}
            None if field.nullable => merged.push(field.clone()),
            None => return Err(conflict(&field.name, "a new column must be nullable")),
        }
    }
    Ok((merged.len() > known).then_some(merged))
}

fn kind(data_type: &DataType) -> Option<&'static str> {
    Some(match data_type {
        DataType::Int8 => "byte",
        DataType::Int16 => "short",
        DataType::Int32 => "integer",
        DataType::Int64 => "long",
        DataType::Float32 => "float",
        DataType::Float64 => "double",
        DataType::Boolean => "boolean",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "binary",
        DataType::FixedSizeBinary(_) => "binary",
        DataType::Date32 => "date",
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if &**zone == "UTC" => "timestamp",
        DataType::Dictionary(_, values) => return kind(values),
        _ => return None,
    })
}

fn conflict(column: &str, reason: &str) -> DeltaError {
    DeltaError::Schema { column: column.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use arrow_schema::Field as ArrowField;

    use super::*;

    fn columns(columns: &[(&str, DataType, bool)]) -> Result<Vec<Field>, DeltaError> {
        let field = |(name, kind, null): &(&str, DataType, bool)| {
            ArrowField::new(*name, kind.clone(), *null)
        };
        fields(&Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
    }

    #[test]
    fn every_type_we_use_has_its_delta_name() {
        let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let cases = [
            (DataType::Int8, "byte"),
            (DataType::Int16, "short"),
            (DataType::Int32, "integer"),
            (DataType::Int64, "long"),
            (DataType::Utf8, "string"),
            (DataType::Boolean, "boolean"),
            (DataType::Float64, "double"),
            (utc, "timestamp"),
            (DataType::Binary, "binary"),
            (DataType::FixedSizeBinary(16), "binary"),
            (DataType::Date32, "date"),
        ];
        for (arrow, delta) in cases {
            let text = encode(&columns(&[("c", arrow, true)]).unwrap());
            let field =
                format!(r#"{{"name":"c","type":"{delta}","nullable":true,"metadata":{{}}}}"#);
            assert_eq!(text, format!(r#"{{"type":"struct","fields":[{field}]}}"#));
        }
        let local = DataType::Timestamp(TimeUnit::Microsecond, None);
        for unsupported in [DataType::UInt32, local, DataType::Null] {
            assert!(columns(&[("c", unsupported, true)]).is_err());
        }
    }

    #[test]
    fn new_nullable_columns_join_and_conflicts_are_named() {
        let table = columns(&[("a", DataType::Int32, false), ("b", DataType::Utf8, true)]).unwrap();
        let merge_with =
            |wanted: &[(&str, DataType, bool)]| merge(table.clone(), &columns(wanted).unwrap());
        assert_eq!(merge_with(&[("a", DataType::Int32, false)]).unwrap(), None);
        let merged = merge_with(&[("c", DataType::Date32, true)]).unwrap().unwrap();
        assert_eq!(merged[..2], table[..]);
        assert_eq!(merged[2].name, "c");
        for conflict in [
            ("a", DataType::Int64, false),
            ("a", DataType::Int32, true),
            ("B", DataType::Utf8, true),
            ("c", DataType::Date32, false),
        ] {
            let error = merge_with(std::slice::from_ref(&conflict)).unwrap_err().to_string();
            assert!(error.contains(conflict.0), "{error}");
        }
    }

    #[test]
    fn a_column_name_is_unique_whatever_its_case() {
        assert!(columns(&[("a", DataType::Int32, true), ("A", DataType::Utf8, true)]).is_err());
    }
}
