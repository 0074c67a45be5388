"""The programs that Nearer runs on: started privately here, kept alive, and ended with whoever started them.

`site` is behind `script/run`, `suite` behind `script/test`.
"""
