# Reading the files of tables.

# Packages that read faster, or other formats, are used where they are installed.
reader_of <- function(package, name) {
  if (requireNamespace(package, quietly = TRUE)) getExportedValue(package, name)
}

# Text by R or data.table, parquet files by either package that reads them. `separator` is by
# default what the file has; "" stands for any blanks. `text` says which of the columns with these
# names are read as text, such as p-values too small for a number.
read_table <- function(file, where, separator = NULL, text = \(names) integer()) {
  if (length(file) != 1L || is.na(file) || !file.exists(file)) {
    stop_mnmash("file", where, ": there is no file '", file[1L], "'")
  }
  complain <- \(e) stop_mnmash("file", where, ": cannot read '", file, "': ", conditionMessage(e))
  name <- ascii_lower(file)
  if (endsWith(name, ".parquet")) {
    read_parquet <- parquet_reader(file, where)
    return(as.data.frame(tryCatch(read_parquet(file), error = complain)))
  }
  plain <- sub("[.](gz|bgz|bz2|xz)$", "", name)
  head <- tryCatch(table_head(file), error = complain)
  if (is.null(separator)) separator <- table_separator(plain, head$line)
  if (separator == "," && grepl("^[^,]*;[^,]*$", head$line, useBytes = TRUE)) {
    complain(simpleCondition(paste0(
      "semicolons stand between its columns, and commas perhaps in its numbers: write it by ",
      "write.csv()"
    )))
  }
  names <- table_names(head$line, separator)
  # Names of columns are no numbers.
  header <- !any(!is.na(suppressWarnings(as.numeric(names))) & names != "NA")
  if (!header) names <- paste0("V", seq_along(names))
  as_text <- text(names)
  fread <- if (plain == name) reader_of("data.table", "fread")
  missing <- c("NA", "", "NaN", ".")
  said <- character()
  # A warning must not stop a reader half-way: fread() would then fail on the next file.
  found <- withCallingHandlers(
    tryCatch(
      if (is.null(fread)) {
        classes <- rep(NA_character_, length(names))
        classes[as_text] <- "character"
        utils::read.table(
          file,
          header = header, sep = separator, quote = if (separator == ",") "\"" else "",
          comment.char = "", check.names = FALSE, na.strings = missing, skip = head$skip,
          colClasses = if (length(as_text)) classes else NA
        )
      } else {
        fread(
          file,
          header = if (header) "auto" else FALSE,
          sep = if (nzchar(separator)) separator else " ", na.strings = missing, data.table = FALSE,
          showProgress = FALSE, integer64 = "character", skip = head$skip,
          colClasses = if (length(as_text)) list(character = as_text)
        )
      },
      error = complain
    ),
    warning = \(w) {
      said <<- c(said, conditionMessage(w))
      invokeRestart("muffleWarning")
    }
  )
  lost <- grep("stopped early|embedded nul|number of items read", said, ignore.case = TRUE)
  if (length(lost)) complain(simpleCondition(said[lost[1L]]))
  for (text in said) message(where, ", '", file, "': ", text)
  found
}

# The first line that is no remark ("##"), and how many stand before it.
table_head <- function(file) {
  connection <- file(file, "r")
  on.exit(close(connection))
  skip <- 0L
  repeat {
    line <- suppressWarnings(readLines(connection, 1L))
    if (!length(line)) return(list(line = "", skip = 0L))
    if (!startsWith(line, "##")) return(list(line = line, skip = skip))
    skip <- skip + 1L
  }
}

# What stands between columns: the comma of a .csv, or what the first line has, tabs, blanks or
# commas.
table_separator <- function(name, line) {
  has <- \(pattern) grepl(pattern, line, useBytes = TRUE)
  if (endsWith(name, ".csv")) return(",")
  if (has("\t")) return("\t")
  if (has("[^ ] +[^ ]")) return("")
  if (has(",")) "," else "\t"
}

table_names <- function(line, separator) {
  names <- scan(
    text = line, what = "", sep = separator, quote = "", quiet = TRUE, comment.char = ""
  )
  gsub("\"", "", names, fixed = TRUE)
}

parquet_reader <- function(file, where) {
  read <- reader_of("nanoparquet", "read_parquet")
  if (is.null(read)) read <- reader_of("arrow", "read_parquet")
  if (is.null(read)) {
    stop_mnmash(
      "package", where, ": to read '", file, "' one of the packages nanoparquet and arrow must be ",
      "installed; or write the table as text (.tsv.gz)"
    )
  }
  read
}
