import subprocess
import sys


def test_a_web_process_may_import_the_lifter_without_torch_and_without_django():
    code = "import sys, modeling.lifting as m; m.Config(); assert not {'torch', 'django'} & set(sys.modules), 'loaded'"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
