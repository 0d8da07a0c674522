# The lines of a text file that say something.
listed_words <- function(file, name) {
  if (!file.exists(file)) stop_mnmash("file", as_typed(name), ": there is no file '", file, "'")
  lines <- trimws(readLines(file, warn = FALSE))
  lines <- lines[nzchar(lines) & !startsWith(lines, "#")]
  if (!length(lines)) stop_mnmash("argument", as_typed(name), ": '", file, "' is empty")
  lines
}

# The files listed in a text file, the first word of each line, or the line where that is a file; or
# the last word, after an identifier. Relative to the list if they are not where they say.
listed_files <- function(file, name = "analysis-units") {
  lines <- gsub("\"", "", listed_words(file, name))
  words <- strsplit(lines, "[[:space:]]+")
  found <- vapply(seq_along(lines), \(i) {
    candidates <- unique(c(lines[i], words[[i]][1L], utils::tail(words[[i]], 1L)))
    candidates <- c(candidates, file.path(dirname(file), candidates))
    c(candidates[file.exists(candidates)], words[[i]][1L])[1L]
  }, "")
  absent <- which(!file.exists(found))
  if (length(absent)) {
    stop_mnmash("file", as_typed(name), ": there is no file '", found[absent[1L]], "'",
                and_more(length(absent)), ", of which line ", absent[1L], " of '", file, "' speaks")
  }
  found
}

# A list of identifiers and files, "id<tab>file" a line; or one RDS file, which stands for itself.
# Lines of one word are called by their file.
manifest_files <- function(file, name) {
  if (!file.exists(file)) stop_mnmash("file", as_typed(name), ": there is no file '", file, "'")
  if (is.null(rds_damage(file))) return(stats::setNames(file, ""))
  words <- strsplit(gsub("\"", "", listed_words(file, name)), "[[:space:]]+")
  files <- listed_files(file, name)
  stats::setNames(files, ifelse(
    lengths(words) > 1L, vapply(words, `[`, "", 1L), label_of_file(files)
  ))
}

# What a file is about: its name without the endings that the steps give it. Dots within are part of
# the name, as in versions of Ensembl's identifiers.
label_of_file <- function(files) {
  sub("([.](posterior_contrast|posterior|mash_input))?[.]rds$", "", basename(files),
      ignore.case = TRUE)
}

condition_words <- function(words) {
  if (length(words) && all(vapply(words, is_number, NA))) as.numeric(words) else words
}

# Where a step writes: --output, or the name that the workflows give it.
step_output <- function(o, ..., prefix = output_prefix(o[["output-prefix"]], o$data)) {
  if (!is.null(o$output)) return(o$output)
  output_file(o$cwd, prefix, ...)
}

write_output <- function(x, file) {
  save_rds(x, file)
  message(" - Wrote ", file)
}

# A step: what it does, its options, the function that does it; which options it cannot do without;
# defaults of its own; what `help` says below; where it belongs; other names of it; options that are
# taken and concern other steps of the same notebook; and defaults of the protocol that differ.
cli_step <- function(summary, options, run, required = "data", defaults = list(), details = NULL,
                     group = NULL, ...) {
  more <- list(...)
  list(
    summary = summary, options = options, run = run, required = required, defaults = defaults,
    details = details, group = group, also = more$also, idle = more$idle, upstream = more$upstream
  )
}

# Options that take effect only if the user gave them.
given_only <- function(o, key) if (key %in% o$given) o[[key]]
