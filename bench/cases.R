# What is timed. A case says how its data are made, what mnmash runs, what the peer (another
# package) runs on the same data, and what must agree before their times may be compared.
#
#   data(), ours(d), peer(d): data, and the two timed pieces of work
#   value(fit): the numbers of a fit of ours that must be the same on one thread and on two
#   keep(fit): what the checks need of the peer's fit
#   check(fit, theirs, d): a list of expect()s; `theirs` is NULL where the peer is absent, and what
#     can be said without it is still checked
source("bench/workloads.R")
cases <- list()

add_case <- function(name, size, data, ours, check, value, package = NULL, peer = NULL,
                     keep = identity) {
  cases[[name]] <<- list(
    name = name, size = size, data = data, ours = ours, check = check, value = value,
    package = package, peer = peer, keep = keep
  )
}

# `value` must not exceed `within`.
expect <- function(what, value, within) {
  data.frame(what, value = as.numeric(value), within, ok = is.finite(value) & value <= within)
}

apart <- function(a, b) max(abs(unname(as.matrix(a)) - unname(as.matrix(b))))
relative <- function(a, b) apart(a, b) / max(abs(b))

for (file in list.files("bench/cases", full.names = TRUE)) source(file)
