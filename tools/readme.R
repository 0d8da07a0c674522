# Runs the R code of README.md, and draws its pictures with what it made (man/figures/*.png).
#
#   Rscript tools/readme.R      from the package's root, with the package and ggplot2 installed
library(mnmash)
dir.create("man/figures", recursive = TRUE, showWarnings = FALSE)
figures <- normalizePath("man/figures")

lines <- readLines("README.md")
opens <- which(lines == "```r")
closes <- which(lines == "```")
blocks <- lapply(opens, \(i) lines[seq(i + 1L, min(closes[closes > i]) - 1L)])

# The code writes to folder `output`, and its plots belong nowhere.
setwd(tempdir())
grDevices::pdf(NULL)
made <- new.env(parent = globalenv())
for (block in blocks) {
  message("\n", paste(block, collapse = "\n"))
  for (call in parse(text = block)) {
    shown <- withVisible(eval(call, made))
    if (shown$visible) print(shown$value)
  }
}

save_png <- function(name, picture, width, height) {
  file <- file.path(figures, paste0(name, ".png"))
  ggplot2::ggsave(file, picture, width = width, height = height, dpi = 96, bg = "white")
  message(file, ": ", round(file.size(file) / 1e3), " kB")
}
save_png("sharing", plot(made$fit, type = "sharing"), 8.5, 7.5)
save_png("prior", plot_U(made$prior, max_comp = 4, to_cor = TRUE, ncol = 4), 9, 3.6)
save_png("fine-mapping", plot(made$fm, type = "effects"), 7, 4.8)
