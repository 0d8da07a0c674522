# Holds the files of R/ to their order: families (the part of a file's name before the first "-")
# call downwards only, and no two files call each other, directly or in a circle. Part of
# `make lint`. Calls are read from the code (codetools), not run; methods of generics are not seen.
# Functions of Rust are named by R/core.R alone; others give it the name without its "rust_", as a
# word, and the word must be one that Rust has. A name is defined once.
#
#   Rscript tools/layers.R      from the package's root; exit status 1 if there is a wrong call
families <- c(
  "aaa", "core", "data", "prior", "mash", "ud", "cov", "v", "learn", "mrash", "mrmash", "deconvolve",
  "finemap", "loci", "fqtl", "genome", "simulate", "plot", "pipeline", "cli"
)
# Written by tools, or without code.
outside <- c("extendr-wrappers.R", "datasets.R", "mnmash-package.R")

files <- setdiff(list.files("R", pattern = "[.]R$"), outside)
family <- function(file) sub("[.]R$", "", sub("-.*", "", file))
complaints <- character()
unknown <- files[!family(files) %in% families]
if (length(unknown)) complaints <- paste(unknown, "belongs to no family")

# Every top-level function, in an environment of its own, and the file it stands in.
functions <- new.env(parent = baseenv())
home <- character()
for (file in files) {
  for (e in as.list(parse(file.path("R", file), keep.source = FALSE))) {
    if (!is.call(e) || !identical(e[[1L]], quote(`<-`)) || !is.name(e[[2L]])) next
    name <- as.character(e[[2L]])
    body <- if (is.call(e[[3L]]) && identical(e[[3L]][[1L]], quote(`function`))) {
      e[[3L]]
    } else {
      call("function", NULL, e[[3L]])
    }
    if (name %in% names(home)) {
      complaints <- c(complaints, paste0(name, " is defined in ", home[[name]], " and in ", file))
    }
    assign(name, eval(body, functions), functions)
    home[name] <- file
  }
}
calls <- do.call(rbind, lapply(names(home), \(name) {
  used <- codetools::findGlobals(functions[[name]], merge = FALSE)
  used <- intersect(c(used$functions, used$variables), names(home))
  used <- used[home[used] != home[[name]]]
  if (length(used)) data.frame(from = home[[name]], to = unname(home[used]), what = used)
}))

upward <- calls[match(family(calls$from), families) < match(family(calls$to), families), ]
if (nrow(upward)) {
  complaints <- c(complaints, unique(paste0(
    upward$from, " calls ", upward$what, "() of ", upward$to, ", which stands above it"
  )))
}

# Who names functions of Rust, and by which words.
core_doors <- c("call_core", "core_mash", "run")
wrappers <- parse("R/extendr-wrappers.R", keep.source = FALSE)
of_rust <- vapply(as.list(wrappers), \(e) as.character(e[[2L]]), "")
named <- function(e) {
  if (is.name(e)) return(if (startsWith(as.character(e), "rust_")) as.character(e))
  if (!is.call(e) && !is.pairlist(e) && !is.expression(e)) return(NULL)
  word <- if (is.call(e) && is.name(e[[1L]]) && as.character(e[[1L]]) %in% core_doors) {
    given <- if (length(e) > 1L && is.character(e[[2L]])) paste0("rust_", e[[2L]])
    if (length(given) && !given %in% of_rust) paste("no", given)
  }
  c(word, unlist(lapply(as.list(e), \(part) if (missing(part)) NULL else named(part))))
}
below_core <- c("aaa-threads.R", "aaa-files-write.R") # what is asked of the machine, not of a model
for (file in setdiff(files, c("core.R", below_core))) {
  found <- unique(named(parse(file.path("R", file), keep.source = FALSE)))
  wrong <- startsWith(as.character(found), "no ")
  complaints <- c(
    complaints, if (any(!wrong)) paste(file, "names", found[!wrong], "itself: only core.R may"),
    if (any(wrong)) paste0(file, " calls ", sub("no ", "", found[wrong]), "(), which Rust has not")
  )
}

# Files that can be reached from themselves.
callees <- lapply(split(calls$to, factor(calls$from, files)), unique)
reached <- lapply(callees, \(next_files) {
  seen <- character()
  while (length(next_files)) {
    seen <- c(seen, next_files)
    next_files <- setdiff(unlist(callees[next_files]), seen)
  }
  seen
})
circle <- files[mapply(`%in%`, files, reached[files])]
if (length(circle)) {
  within <- unique(calls[calls$from %in% circle & calls$to %in% circle, ])
  complaints <- c(
    complaints, paste("these files call each other in a circle:", paste(circle, collapse = ", ")),
    paste0("  ", within$from, " -> ", within$to, ": ", within$what)
  )
}
if (length(complaints)) {
  writeLines(complaints, stderr())
  quit(status = 1L)
}
