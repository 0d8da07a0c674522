# Tables of all conditions, with a row for each unit and condition.

# One table of all conditions as a table for each; other things as they are.
split_long <- function(tables, columns) {
  if (is_file_name(tables) && is.null(names(tables))) {
    tables <- read_table(tables, "`tables`", text = \(names) {
      c(text_places(names, columns, "`tables`"), long_place(names, columns))
    })
  }
  if (!is.data.frame(tables)) return(tables)
  at <- long_place(names(tables), columns)
  if (!length(at)) {
    stop_mnmash(
      "type", "`tables` must be a list of data frames or a vector of files, one for each ",
      "condition; or one table of all, with a column `condition`: it has ",
      first_few(names(tables), 8L)
    )
  }
  condition <- name_text(tables[[at]])
  bad <- which(is.na(condition) | !nzchar(condition))
  if (length(bad)) {
    stop_mnmash("missing", "`tables` has no condition in row ", bad[1L], and_more(length(bad)))
  }
  split(tables, factor(condition, unique(condition)))
}

long_place <- function(names, columns) {
  column_place(names, "condition", if (is.list(columns)) columns$condition, "`tables`")
}

# Tables of R packages have the units as names of their rows, which a file has as a column without
# a name.
with_row_names <- function(table, columns, where) {
  if (length(column_place(names(table), "unit", columns$unit, where))) return(table)
  if (.row_names_info(table) > 0L) {
    table$unit <- rownames(table)
  } else if (names(table)[1L] %in% c("", "V1", "X", "...1", "Unnamed: 0") &&
    !"V2" %in% names(table) && (is.character(table[[1L]]) || is.factor(table[[1L]]))) {
    table$unit <- table[[1L]]
  }
  table
}
