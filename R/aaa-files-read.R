# Reading files that R wrote. R makes objects of bytes as they come and trusts them: a flipped one
# may end the session. So all bytes are read, and their checksum compared, before.

# What a file holds, or an error that names the argument it came from.
read_rds <- function(file, name,
                     remedy = "write it again, by saveRDS() or the step it came from") {
  if (!is_file_name(file)) stop_mnmash("type", as_typed(name), " must be the name of one file")
  if (!file.exists(file)) {
    stop_mnmash("file", as_typed(name), ": there is no file '", file, "'")
  }
  if (file.access(file, 4L) != 0L) {
    stop_mnmash(
      "file", as_typed(name), ": '", file, "' may not be read by this user: change its permissions"
    )
  }
  complain <- \(why) stop_mnmash(
    "file", as_typed(name), ": '", file, "' is not an RDS file, or is damaged (", why, "): ", remedy
  )
  why <- rds_damage(file)
  if (!is.null(why)) complain(why)
  tryCatch(suppressWarnings(readRDS(file)), error = \(e) complain(conditionMessage(e)))
}

# What is wrong with the bytes of an RDS file, or NULL.
rds_damage <- function(file) {
  if (dir.exists(file)) return("it is a folder")
  head <- tryCatch(suppressWarnings(readBin(file, "raw", 6L)), error = \(e) NULL)
  if (is.null(head)) return("it cannot be read")
  if (!length(head)) return("it is empty")
  begins <- \(...) identical(head[seq_len(...length())], as.raw(c(...)))
  gzip <- begins(0x1f, 0x8b)
  xz <- begins(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00)
  if (!gzip && !xz) {
    # R does not compare the checksum of the former, and there is none in the latter.
    other <- c("bzip2", "FALSE")[c(begins(0x42, 0x5a, 0x68), begins(0x58, 0x0a))]
    if (!length(other)) return("it begins as no such file does")
    return(paste0(
      "it was saved with `compress = ", other, "`, so that nothing tells whether it is whole; ",
      "leave that out"
    ))
  }
  size <- bytes_inside(file)
  last <- last_bytes(file, 4L)
  whole <- !is.na(size)
  # A file may end too early without a word: these end with what they held, or with a mark.
  if (gzip) whole <- whole && size %% 2^32 == sum(as.integer(last) * 256^(0:3))
  if (xz) whole <- whole && identical(last[3:4], as.raw(c(0x59, 0x5a)))
  if (!whole) "its checksum does not fit, or its end is missing"
}

# How many bytes were compressed, or NA where the checksum tells that they are not the same.
bytes_inside <- function(file) {
  connection <- NULL
  on.exit(if (!is.null(connection)) close(connection))
  tryCatch(
    {
      connection <- gzfile(file, "rb")
      size <- 0
      repeat {
        found <- length(readBin(connection, "raw", 2^20))
        if (!found) break
        size <- size + found
      }
      size
    },
    error = \(e) NA, warning = \(w) NA
  )
}

last_bytes <- function(file, n) {
  connection <- file(file, "rb")
  on.exit(close(connection))
  seek(connection, max(0, file.size(file) - n))
  readBin(connection, "raw", n)
}

# Which files of an earlier run are there and whole; damaged ones count as not there, which is said.
finished_files <- function(files) {
  done <- file.exists(files)
  folder <- which(dir.exists(files))
  if (length(folder)) {
    stop_mnmash("file", "'", files[folder[1L]], "' is a folder, and should be a result: remove it")
  }
  done[done] <- vapply(files[done], \(file) is.null(rds_damage(file)), NA)
  bad <- which(!done & file.exists(files))
  if (length(bad)) {
    message("'", files[bad[1L]], "' is damaged, and is made again", and_more(length(bad)))
  }
  done
}

# What a file of an earlier run holds, or NULL where it is not there or not whole.
found_earlier <- function(file) {
  if (!finished_files(file)) return(NULL)
  tryCatch(suppressWarnings(readRDS(file)), error = \(e) NULL)
}
