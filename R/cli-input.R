# Steps of the command line that make the input of the others.

run_mash_input <- function(o) {
  tables <- named_tables(o$tables, o[["table-list"]])
  excluded <- o[["exclude-condition"]]
  bad <- setdiff(excluded, names(tables))
  if (length(bad)) {
    stop_mnmash("names", "`exclude-condition`: there is no table for \"", bad[1L], "\"")
  }
  words <- \(key) if (!is.null(o[[key]])) listed_words(o[[key]], key)
  columns <- named_columns(o$columns)
  file <- input_output(o, unlist(tables))
  input <- mash_input(
    tables_asked(tables, excluded, columns), columns, strong = words("strong"),
    strong_p = o[["sig-p-cutoff"]], n_random = o[["n-random"]], n_null = o[["n-null"]],
    null_z = o[["null-z"]], min_observed = o[["min-observed"]],
    independent = words("independent-variant-list"), mismatch = o$mismatch, seed = o$seed
  )
  counts <- attr(input, "counts")
  message(paste0(" - ", format(gsub("_", " ", names(counts))), "  ", counts, collapse = "\n"))
  if (isTRUE(o[["z-only"]])) input <- scores_only(input)
  write_output(input, file)
}

# One table that has a column of conditions stands for all of them.
tables_asked <- function(tables, excluded, columns) {
  if (length(tables) == 1L && !is.null(columns$condition)) return(unname(tables))
  tables[!names(tables) %in% excluded]
}

# `read`: which files the step reads beside those that options name.
input_output <- function(o, read = character()) {
  file <- step_output(o, "mash_input", prefix = output_prefix(o[["output-prefix"]], "mash"))
  claim(o, file, read)
  file
}

# "liver=a.tsv.gz", or "liver.tsv.gz", which is called liver; or lines "liver a.tsv.gz".
named_tables <- function(words, list_file) {
  if (is.null(words) == is.null(list_file)) {
    usage_error("give --tables, condition=file for each condition, or --table-list, a list of them")
  }
  if (is.null(words)) {
    words <- listed_words(list_file, "table-list")
    parts <- strsplit(words, "[[:space:]]+")
    bad <- which(lengths(parts) != 2L)
    if (length(bad)) {
      stop_mnmash("value", "`table-list`: line '", words[bad[1L]],
                  "' must be a condition and the name of a file")
    }
    names <- vapply(parts, `[`, "", 1L)
    files <- vapply(parts, `[`, "", 2L)
    beside <- file.path(dirname(list_file), files)
    files <- ifelse(!file.exists(files) & file.exists(beside), beside, files)
  } else {
    named <- grepl("=", words, fixed = TRUE) & !file.exists(words)
    files <- ifelse(named, sub("^[^=]*=", "", words), words)
    names <- ifelse(named, sub("=.*$", "", words), sub("[.].*$", "", basename(words)))
  }
  stats::setNames(files, names)
}

# "se=slope_se": names, or numbers, of columns.
named_columns <- function(words) {
  if (is.null(words)) return(NULL)
  bad <- which(!grepl("^[^=]+=.+$", words))
  if (length(bad)) usage_error("--columns takes words like se=slope_se, not ", words[bad[1L]])
  values <- sub("^[^=]*=", "", words)
  stats::setNames(
    lapply(values, \(x) if (is_number(x)) as.numeric(x) else x),
    gsub("-", "_", sub("=.*$", "", words))
  )
}

run_bind_mash_input <- function(o) {
  file <- input_output(o)
  inputs <- lapply(o$inputs, read_rds, name = "inputs")
  names(inputs) <- label_of_file(o$inputs)
  write_output(bind_mash_input(inputs), file)
}

run_simulate_mash_input <- function(o) {
  file <- input_output(o)
  write_output(simulate_mash_input(
    o[["n-strong"]], o[["n-random"]], o[["n-null"]], o[["n-conditions"]], o[["missing-share"]],
    o$active, o$seed
  ), file)
}
