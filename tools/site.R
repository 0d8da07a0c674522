# Builds the documentation site in docs/ and checks its links.
#
#   Rscript tools/site.R      from the package's root, with the package installed
#
# Needs no network: what pkgdown would ask of CRAN is left out.
options(pkgdown.internet = FALSE)
# Packages that are mentioned and not installed (mashr) get no link to their home page.
no_urls <- \() data.frame(Package = character(), URL = character())
utils::assignInNamespace("CRAN_urls", no_urls, "downlit")
unlink("docs", recursive = TRUE)
pkgdown::build_site(preview = FALSE, install = FALSE, new_process = FALSE)

# ---- every link to a page or picture of the site leads somewhere ---------------------------------
folder <- normalizePath("docs")
pages <- list.files(folder, "[.]html$", recursive = TRUE, full.names = TRUE)
anchors <- function(page) {
  xml2::xml_text(xml2::xml_find_all(xml2::read_html(page), "//@id | //a/@name"))
}
ids <- list()
broken <- character()
for (page in pages) {
  links <- xml2::xml_text(xml2::xml_find_all(xml2::read_html(page), "//a/@href | //img/@src"))
  for (link in unique(grep("^([a-z]+:|//|$)", links, invert = TRUE, value = TRUE))) {
    part <- strsplit(link, "#", fixed = TRUE)[[1L]]
    file <- if (nzchar(part[1L])) file.path(dirname(page), utils::URLdecode(part[1L])) else page
    if (dir.exists(file)) file <- file.path(file, "index.html")
    there <- file.exists(file)
    if (there && length(part) > 1L && grepl("[.]html$", file)) {
      file <- normalizePath(file)
      if (is.null(ids[[file]])) ids[[file]] <- anchors(file)
      there <- part[2L] %in% ids[[file]]
    }
    if (!there) broken <- c(broken, paste0(substring(page, nchar(folder) + 2L), ": ", link))
  }
}
if (length(broken)) stop("broken links:\n", paste(broken, collapse = "\n"))
message("docs/: ", length(pages), " pages, no broken links among them")
