# What all pictures share: the package that draws them, their files, and labels that stay readable.

need_ggplot2 <- function() {
  if (!requireNamespace("ggplot2", quietly = TRUE)) {
    stop_mnmash("package", "pictures need the package ggplot2: install.packages(\"ggplot2\")")
  }
}

# The picture, and the size in inches at which its labels fit. With a `file` it is written too.
picture <- function(plot, width, height, file = NULL, dpi = 150) {
  attr(plot, "size") <- c(width = width, height = height)
  if (is.null(file)) return(plot)
  save_picture(plot, file, width, height, dpi)
  invisible(plot)
}

# The file is there when it is complete, or not at all.
save_picture <- function(plot, file, width, height, dpi = 150) {
  if (!is.character(file) || length(file) != 1L || is.na(file) || !nzchar(file)) {
    stop_mnmash("type", "`file` must be the name of a file that ends in .pdf or .png")
  }
  type <- tolower(sub("^.*[.]", "", basename(file)))
  if (!type %in% c("pdf", "png") || !grepl(".", basename(file), fixed = TRUE)) {
    stop_mnmash("argument", "`file` must end in .pdf or .png: '", file, "' does not")
  }
  dpi <- check_number(dpi, 20, 1200)
  write_whole(file, \(part) {
    ggplot2::ggsave(
      part,
      plot = plot, device = type, width = width, height = height, dpi = dpi,
      limitsize = FALSE, bg = "white"
    )
  })
}

# Inches that the longest of some labels takes in points of `size`.
label_inches <- function(labels, size) {
  if (!length(labels)) return(0)
  0.55 * size / 72 * max(nchar(labels, type = "width"))
}

# The diverging colours of correlations, and the sequential ones of shares.
diverging <- c("#2166ac", "#92c5de", "#f7f7f7", "#f4a582", "#b2182b")
sequential <- c("#f7fbff", "#c6dbef", "#6baed6", "#2171b5", "#08306b")

# The pronoun of the data in aes().
utils::globalVariables(".data")
