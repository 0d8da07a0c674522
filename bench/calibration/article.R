# The table that the article on calibration shows, from the last run of the bench.
#
#   Rscript bench/calibration/article.R      from the package's root
for (part in c("designs", "arms", "scores")) source(paste0("bench/calibration/", part, ".R"))
table <- summarise(utils::read.csv("bench/results/calibration.csv"))
numbers <- vapply(table, is.numeric, NA)
table[numbers] <- lapply(table[numbers], signif, 4)
utils::write.csv(table, "vignettes/calibration.csv", row.names = FALSE)
