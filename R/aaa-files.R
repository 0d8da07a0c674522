# Names of files and folders.

# "<cwd>/<prefix>.<parts>.rds"; the prefix is by default the name of the data file.
output_file <- function(cwd, prefix, ..., extension = "rds") {
  file.path(cwd, paste(c(prefix, ..., extension), collapse = "."))
}

output_prefix <- function(prefix, data) {
  if (is.null(prefix) || identical(prefix, "")) {
    if (!is.character(data)) return("mnmash")
    return(sub("[.][^.]*$", "", basename(data)))
  }
  if (!is.character(prefix) || length(prefix) != 1L || is.na(prefix)) {
    stop_mnmash("argument", "`output_prefix` must be one string")
  }
  prefix
}

# Lower case of the letters that words of programs are made of, in every locale: in Turkish ones
# tolower("I") is another letter.
ascii_lower <- function(x) chartr(paste(LETTERS, collapse = ""), paste(letters, collapse = ""), x)

# Names as file names, the same in every locale and on every system: letters and digits of all
# alphabets stay, and what may not be in a file's name becomes an underscore. None begins with a
# point, as the notes that a folder keeps do, and none is what Windows takes for a device.
file_label <- function(labels, ending = ".rds") {
  label <- gsub("[^\\p{L}\\p{M}\\p{N}._+-]", "_", as_utf8(labels), perl = TRUE)
  label <- sub("^[.]", "_", label)
  device <- grepl("^(con|prn|aux|nul|com[0-9]|lpt[0-9])([.]|$)", ascii_lower(label), perl = TRUE)
  label[device] <- paste0("_", label[device])
  # Some file systems take A and a for the same.
  twice <- anyDuplicated(tolower(ascii_lower(label)))
  if (twice) {
    stop_mnmash("names", "two regions would have the file '", label[twice], ending, "': rename one")
  }
  long <- which(nchar(label, "bytes") + nchar(ending) > 255L)
  if (length(long)) {
    stop_mnmash(
      "names", "the name of region ", long[1L], " is too long for a file (",
      nchar(label[long[1L]], "bytes"), " bytes, of 250 that there may be): ",
      substr(label[long[1L]], 1L, 40L), "...", and_more(length(long)), "; give shorter names"
    )
  }
  # The bytes of the name are those of UTF-8 wherever it is written.
  if (!l10n_info()[["UTF-8"]]) Encoding(label) <- "unknown"
  label
}

# Text as UTF-8, also where the session does not know that its bytes are that.
as_utf8 <- function(x) {
  marked <- Encoding(x) == "latin1"
  x[marked] <- enc2utf8(x[marked])
  other <- !validUTF8(x)
  x[other] <- iconv(x[other], "latin1", "UTF-8")
  Encoding(x) <- "UTF-8"
  x
}
