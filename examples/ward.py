"""A made-up ward: a row a measurement, no grid, most things never measured at the same time.

Deaths depend on age, on the trend of the heart rate, and on how often the staff ask for lactate, whatever its
values. A model is fitted on the rows as they are, and then

- judges stays that it has not seen, beside the best that anybody could do who knew the law;
- follows a stay from its first hour on, as measurements come in;
- says which parameter, and when, spoke for or against.

    python examples/ward.py
"""

from __future__ import annotations

import pandas as pd
from sklearn.metrics import roc_auc_score

from ssmts import LinearSSMClassifier
from ssmts_datasets import make_ward

N_STAYS, N_LEARNT = 600, 450


def main() -> None:
    """Run the example."""
    ward = make_ward(N_STAYS, random_state=0)
    rows = ward.observations
    print(rows.head(8).to_string(index=False), "\n")
    learnt, unseen = rows[rows["stay"] < N_LEARNT], rows[rows["stay"] >= N_LEARNT]

    model = LinearSSMClassifier(id_col="stay", time_col="hour", channel_col="parameter", random_state=0)
    model.fit(learnt, pd.Series(ward.died, index=ward.stays)[:N_LEARNT])

    died, truth = ward.died[N_LEARNT:], ward.probability[N_LEARNT:]
    print("Area under the ROC curve of unseen stays, by what was known of them:")
    for hours in (6, 12, 24, 48):
        known = model.predict_proba(unseen[unseen["hour"] <= hours])[:, 1]
        print(f"  first {hours:2d} h  {roc_auc_score(died, known):.3f}   mean probability {known.mean():.3f}")
    print(f"  the law    {roc_auc_score(died, truth):.3f}   deaths           {died.mean():.3f}\n")

    worst = int(truth.argmax()) + N_LEARNT
    stay = unseen[unseen["stay"] == worst]
    stream = model.stream()
    print(f"Stay {worst} as it grows:")
    shown = 0
    for row in stay.itertuples():
        stream.update(row.hour, {row.parameter: row.value})
        if row.hour >= shown:
            print(f"  hour {row.hour:5.2f}  probability of death {stream.predict_proba()[1]:.2f}")
            shown += 12

    why = model.explain(stay, n_periods=4)
    print("\nWhat spoke for death (+) or against (-), in log-odds:\n")
    table = why.pivot_table(index="channel", columns="end", values="effect")
    print(table.round(2).to_string())


if __name__ == "__main__":
    main()
