# What holds all conditions at once: a table with a row for each unit and condition, or matrices of
# units x conditions, in a list or as the assays of a SummarizedExperiment.

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

# Matrices `effect`, `se`, ... as a table for each condition; other things as they are.
split_matrices <- function(tables) {
  if (isS4(tables) && methods::is(tables, "SummarizedExperiment")) tables <- assays_of(tables)
  if (!is.list(tables) || is.data.frame(tables) || !length(tables)) return(tables)
  if (!all(vapply(tables, \(x) is.matrix(x) && is.numeric(x), NA))) return(tables)
  first <- tables[[1L]]
  conditions <- colnames(first)
  if (is.null(names(tables)) || is.null(conditions) || is.null(rownames(first))) {
    stop_mnmash(
      "names", "`tables` of matrices (units x conditions) must say by names what they are, such as ",
      "`effect` and `se`, and have the units and conditions as names of rows and columns"
    )
  }
  to <- paste0("tables$", names(tables)[1L])
  for (what in names(tables)[-1L]) {
    name <- paste0("tables$", what)
    x <- align_rows(tables[[what]], rownames(first), nrow(first), name, "unit", to = to)
    tables[[what]] <- align_columns(x, conditions, ncol(first), name, "condition", to = to)
  }
  lapply(stats::setNames(nm = conditions), \(condition) {
    data.frame(
      unit = rownames(first), lapply(tables, \(x) unname(x[, condition])), check.names = FALSE
    )
  })
}

# Those of a SummarizedExperiment, such as the `betas` and `errors` of a QTLExperiment.
assays_of <- function(x) {
  if (!requireNamespace("SummarizedExperiment", quietly = TRUE)) {
    stop_mnmash(
      "package", "`tables` is a ", class(x)[1L], ", which package SummarizedExperiment reads: ",
      "install it, or give its assays as a list of matrices"
    )
  }
  found <- as.list(getExportedValue("SummarizedExperiment", "assays")(x))
  lapply(found, as.matrix)
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
