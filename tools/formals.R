# Functions that are not exported take at most eight arguments: more of them are a bundle that has
# no name yet. Part of `make lint`.
#
#   Rscript tools/formals.R      from the package's root; exit status 1 if one takes more
most <- 8L
exported <- sub("^(export|S3method)\\((.*)\\)$", "\\2", readLines("NAMESPACE"))
exported <- sub(",", ".", exported, fixed = TRUE)
# Written by a tool: what Rust takes.
files <- setdiff(list.files("R", pattern = "[.]R$", full.names = TRUE), "R/extendr-wrappers.R")
found <- do.call(rbind, lapply(files, \(file) {
  do.call(rbind, lapply(as.list(parse(file, keep.source = FALSE)), \(e) {
    if (!is.call(e) || !identical(e[[1L]], quote(`<-`)) || !is.name(e[[2L]])) return(NULL)
    f <- e[[3L]]
    if (!is.call(f) || !identical(f[[1L]], quote(`function`))) return(NULL)
    data.frame(name = as.character(e[[2L]]), file = basename(file), n = length(f[[2L]]))
  }))
}))
found <- found[!found$name %in% exported, ]
found <- found[order(-found$n, found$file, found$name), ]
wrong <- found[found$n > most, ]
for (i in seq_len(nrow(wrong))) {
  cat(wrong$file[i], ": ", wrong$name[i], "() takes ", wrong$n[i], " arguments\n", sep = "")
}
cat("Internal functions: ", nrow(found), "; the largest number of arguments is ", max(found$n),
    ", of ", found$name[1L], "()\n", sep = "")
quit(status = nrow(wrong) > 0L)
