# How much memory the estimation of the weights may take.

# Bytes that the likelihoods may take: the option `mnmash.memory`; by default 2e9, or a quarter of
# what the process may have, where that is limited.
memory_limit <- function() {
  limit <- getOption("mnmash.memory")
  if (is.null(limit)) return(min(2e9, allowed_memory() / 4))
  check_number(limit, name = "option mnmash.memory", 0)
}

# Bytes that the process may have by limits that do not change while it runs, or Inf: those of its
# address space (`ulimit -v`, batch systems) and of its group of processes (containers).
allowed_memory <- function(proc = "/proc/self", groups = "/sys/fs/cgroup") {
  lines <- lines_of(file.path(proc, "limits"))
  limits <- grep("^Max (address space|data size) ", lines, value = TRUE)
  soft <- sub("^Max [a-z ]*[^0-9a-z]+([0-9]+|unlimited) .*$", "\\1", limits)
  named <- sub("^[0-9]+:", "", lines_of(file.path(proc, "cgroup")))
  second <- sub("^:", "", grep("^:", named, value = TRUE))
  first <- sub("^memory:", "", grep("^memory:", named, value = TRUE))
  files <- c(
    file.path(folders_above(groups, second), "memory.max"),
    file.path(folders_above(file.path(groups, "memory"), first), "memory.limit_in_bytes")
  )
  found <- suppressWarnings(as.numeric(c(soft, unlist(lapply(files, lines_of)))))
  min(Inf, found[!is.na(found)])
}

# A folder, and those between it and the one at `path` below it.
folders_above <- function(folder, path) {
  parts <- strsplit(c(path, "")[1L], "/", fixed = TRUE)[[1L]]
  Reduce(file.path, parts[nzchar(parts)], folder, accumulate = TRUE)
}

lines_of <- function(file) {
  if (!file.exists(file)) return(character())
  tryCatch(suppressWarnings(readLines(file)), error = \(e) character())
}

# Said of a fit whose J x P likelihoods are not held.
describe_memory <- function(data, g, optmethod) {
  size <- 8 * nrow(data$Bhat) * n_components(g)
  # These two need the matrix.
  if (size <= memory_limit() || optmethod %in% c("mixSQP", "mixEM")) return("")
  paste0(
    ", by blocks: their likelihoods take ", format(size / 1e9, digits = 2), " GB, more than the ",
    "option mnmash.memory allows (", format(memory_limit() / 1e9, digits = 2), " GB)"
  )
}
