# An argument that functions share is described once, in R/aaa-arguments.R: fails where two
# functions describe one in the same words.   Rscript tools/arguments.R
described <- function(file) {
  lines <- readLines(file)
  starts <- grep("^#' @param ", lines)
  texts <- vapply(starts, \(i) {
    rest <- lines[i + seq_len(length(lines) - i)]
    end <- which(!grepl("^#'   ", rest))[1L]
    words <- sub("^#' +(@param +)?", "", c(lines[i], rest[seq_len(end - 1L)]))
    gsub("[[:space:]]+", " ", paste(words, collapse = " "))
  }, "")
  data.frame(file = rep(basename(file), length(starts)), line = starts, text = texts)
}
all <- do.call(rbind, lapply(list.files("R", "[.]R$", full.names = TRUE), described))
# Shorter ones are no longer than a reference to another page.
long <- all[nchar(all$text) > 60L, ]
twice <- long[long$text %in% long$text[duplicated(long$text)], ]
if (nrow(twice)) {
  print(twice[order(twice$text), ], row.names = FALSE)
  stop("described more than once: use @inheritParams shared_arguments")
}
