# The step of a whole genome: from a table of regions to a prior, and tables of what was found.

run_mnm <- function(o) {
  regions <- region_table(o$regions)
  prefix <- output_prefix(o[["output-prefix"]], o$regions)
  file <- output_file(o$cwd, prefix, "mnm")
  whats <- c("sets", "calls", "variants", "regions", "trace", "effects", "failures")
  tables <- vapply(whats, \(what) {
    output_file(o$cwd, prefix, "mnm", what, extension = "tsv.gz")
  }, "")
  # Genotypes are too many bytes to look whether they have changed.
  claim(o, c(file, unname(tables)), unlist(regions[setdiff(file_columns(regions), "X")]))
  # What the user does not say is left to the function.
  asked <- list(rounds = given_only(o, "rounds"), L = given_only(o, "max-effects"))
  covariates <- if (!is.null(o$covariates)) as.data.frame(read_genotypes(o$covariates))
  fit <- do.call(mnm, c(
    list(
      regions, covariates = covariates, folder = file.path(o$cwd, paste0(prefix, ".mnm")),
      verbose = TRUE
    ),
    asked[!vapply(asked, is.null, NA)]
  ))
  for (what in whats) {
    write_gzipped(as.data.frame(fit, what = what), tables[[what]])
    message(" - Wrote ", tables[[what]])
  }
  write_output(fit, file)
  if (!nrow(fit$failures)) return(invisible())
  # The results of the others are there; that some are not, the exit status says.
  stop_mnmash(
    "region", counted(nrow(fit$failures), "region"), " failed, such as \"", fit$failures$region[1L],
    "\": ", fit$failures$message[1L], "; the results of the others are in '", o$cwd, "', and the ",
    "reasons in the table of failures"
  )
}

file_columns <- function(table) {
  intersect(c("X", "Y", "covariates", "Bhat", "Shat", "Z", "LD"), names(table))
}

# A table of regions, whose files are where it says, or beside it.
region_table <- function(file) {
  if (!file.exists(file)) stop_mnmash("file", "`regions`: there is no file '", file, "'")
  table <- read_table(file, "`regions`")
  if (is.null(table$region)) {
    stop_mnmash("names", "`regions`: '", file, "' must have a column `region`")
  }
  for (column in file_columns(table)) {
    beside <- file.path(dirname(file), table[[column]])
    there <- \(x) file.exists(x) | file.exists(paste0(x, ".bed"))
    move <- !there(table[[column]]) & there(beside)
    table[[column]][move] <- beside[move]
  }
  table
}

write_gzipped <- function(table, file) {
  write_whole(file, \(part) {
    connection <- gzfile(part, "wb")
    on.exit(close(connection))
    utils::write.table(
      table, connection, sep = "\t", quote = FALSE, row.names = FALSE, eol = "\n"
    )
  }, \(part) if (length(readLines(part)) != nrow(table) + 1) "it is not whole")
}
