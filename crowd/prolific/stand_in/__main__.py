"""Run the stand-in until it is stopped."""

import argparse

from crowd.prolific.stand_in.account import Account
from crowd.prolific.stand_in.server import StandIn


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m crowd.prolific.stand_in", description="A stand-in for Prolific.")
    parser.add_argument("--port", type=int, default=8099)
    parser.add_argument("--token", required=True, help="what the Authorization header must hold after “Token ”")
    parser.add_argument("--balance-usd", type=float, default=1000.0)
    chosen = parser.parse_args()
    stand_in = StandIn(token=chosen.token, port=chosen.port, account=Account(round(100 * chosen.balance_usd)))
    print(f"Participants: {stand_in.url}\nInterface:    {stand_in.api_url}", flush=True)
    stand_in.serve_forever()


if __name__ == "__main__":
    main()
