import ddet  # kernels inherit the instruction sets that it pins

# JupyterLab asks the package index for updates unless told not to.
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.news_url = None
