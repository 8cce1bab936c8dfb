"""Pictures of forecasts: what they show, and how matplotlib and plotly draw it."""
