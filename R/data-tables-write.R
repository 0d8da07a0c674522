# Writing tables to files.

#' Write results to a file
#'
#' Writes the table of a fit, of [credible_sets()], or any data frame, as text or as a parquet file.
#' The file gets its name when it is complete and was read back: an earlier one stays until then.
#'
#' Numbers are written with 15 significant digits, whole ones without exponent, what is missing as
#' `NA`. Row names that are names become a first column `name`.
#'
#' @param x a data frame, or an object of this package that has `as.data.frame()`.
#' @param file the name of the file, which says how it is written: `.tsv` or `.txt` with tabs,
#'   `.csv` with commas (text in quotes where it needs them), each also compressed (`.gz`), or
#'   `.parquet`, by the package nanoparquet or arrow.
#' @param ... arguments of `as.data.frame()` of such objects, such as `by` for [finemap()].
#'
#' @return `file`, invisibly.
#' @section Errors:
#' An object without a table, a file of another ending, a folder that cannot be written, columns
#' that are no vectors, text with tabs or line ends where these stand between cells.
#' @seealso [finemap-methods]; `saveRDS()` for fits themselves
#' @export
#' @examples
#' set.seed(1)
#' X <- matrix(rbinom(300 * 50, 2, 0.3), 300, dimnames = list(NULL, paste0("rs", 1:50)))
#' fit <- finemap(finemap_data(X, X[, 7] * 0.5 + rnorm(300)), 1)
#' file <- tempfile(fileext = ".tsv.gz")
#' write_results(fit, file, by = "set")
#' readLines(file)
#' write_results(credible_sets(fit), file)
#' read.delim(file)
write_results <- function(x, file, ...) {
  more <- take_dots(..., also = TRUE)
  if (!is_file_name(file) || !nzchar(file)) {
    stop_mnmash("type", "`file` must be the name of one file")
  }
  ending <- sub("^.*[.]", "", sub("[.]gz$", "", ascii_lower(basename(file))))
  compressed <- endsWith(ascii_lower(file), ".gz")
  if (!ending %in% c("tsv", "txt", "csv", "parquet") || compressed && ending == "parquet") {
    stop_mnmash(
      "argument", "`file` must end in .tsv, .txt or .csv (and .gz), or in .parquet: '", file,
      "' does not"
    )
  }
  table <- table_of(x, more)
  if (ending == "parquet") {
    write_parquet(table, file)
  } else {
    write_text(table_text(table, if (ending == "csv") "," else "\t"), file, compressed)
  }
  invisible(file)
}

# The table of an object, of plain columns.
table_of <- function(x, more) {
  own <- Find(\(class) {
    !is.null(utils::getS3method("as.data.frame", class, TRUE, topenv()))
  }, setdiff(class(x), c("data.frame", "list", "matrix", "integer", "numeric", "character")))
  if (is.data.frame(x)) {
    if (length(more)) stop_unused(names(more)[1L] %||% "", more[[1L]], c("x", "file"))
    class(x) <- "data.frame"
  } else if (is.null(own) || is.null(layout_of(x))) {
    stop_mnmash(
      "type", "`x` must be a data frame or a result that has as.data.frame(), not ", class(x)[1L]
    )
  } else {
    x <- do.call(as.data.frame, c(list(x), more), quote = TRUE)
  }
  bad <- which(!vapply(x, \(column) is.atomic(column) && is.null(dim(column)), NA))
  if (length(bad)) {
    stop_mnmash(
      "type", "`x` must have columns of numbers or words: ",
      describe_index("column", bad[1L], names(x)), " is of class ", class(x[[bad[1L]]])[1L]
    )
  }
  if (!ncol(x)) stop_mnmash("dimension", "`x` has no columns to write")
  if (!is.character(attr(x, "row.names"))) return(x)
  if ("name" %in% names(x)) {
    stop_mnmash("names", "`x` has row names, and a column `name` where they would go: drop either")
  }
  data.frame(name = rownames(x), x, row.names = NULL, check.names = FALSE)
}

# The bytes of a table as text.
table_text <- function(x, separator) {
  cells <- lapply(seq_along(x), \(j) {
    column <- column_text(x[[j]])
    if (is.character(x[[j]]) || is.factor(x[[j]])) {
      column <- separated_words(column, separator, describe_index("column", j, names(x)))
    }
    column
  })
  head <- paste(separated_words(names(x), separator, "the head"), collapse = separator)
  c(head, if (nrow(x)) do.call(paste, c(cells, sep = separator)))
}

column_text <- function(x) {
  if (is.factor(x) || !is.double(x) || is.object(x)) {
    text <- enc2utf8(as.character(x))
  } else {
    text <- as.character(x)
    whole <- which(is.finite(x) & x == round(x) & abs(x) < 1e15)
    text[whole] <- formatC(x[whole], format = "f", digits = 0)
  }
  text[is.na(text)] <- "NA"
  text
}

# Words that do not run into the next cell.
separated_words <- function(words, separator, where) {
  if (separator == ",") {
    needs <- grep("[,\"\r\n]", words)
    words[needs] <- paste0("\"", gsub("\"", "\"\"", words[needs], fixed = TRUE), "\"")
    return(words)
  }
  bad <- grep("[\t\r\n]", words)
  if (length(bad)) {
    stop_mnmash(
      "value", "`x`: ", where, " has a tab or the end of a line in its words, such as \"",
      words[bad[1L]], "\"", and_more(length(bad)), ": write a .csv file"
    )
  }
  words
}

write_text <- function(lines, file, compressed) {
  if (!compressed) return(write_bytes(lines, file))
  bytes <- charToRaw(paste0(lines, "\n", collapse = ""))
  write_whole(
    file,
    write = \(part) {
      connection <- gzfile(part, "wb")
      on.exit(close(connection))
      writeBin(bytes, connection)
    },
    damage = \(part) {
      connection <- gzfile(part, "rb")
      on.exit(close(connection))
      if (!identical(readBin(connection, "raw", length(bytes) + 1), bytes)) "it is not whole"
    }
  )
}

write_parquet <- function(x, file) {
  write <- reader_of("nanoparquet", "write_parquet") %||% reader_of("arrow", "write_parquet")
  if (is.null(write)) {
    stop_mnmash(
      "package", "to write '", file, "' one of the packages nanoparquet and arrow must be ",
      "installed; or write text (.tsv.gz)"
    )
  }
  read <- parquet_reader(file, "`file`")
  write_whole(
    file,
    write = \(part) write(x, part),
    damage = \(part) {
      back <- tryCatch(as.data.frame(read(part)), error = \(e) NULL)
      if (!identical(dim(back), dim(x)) || !identical(names(back), names(x))) "it is not whole"
    }
  )
}
