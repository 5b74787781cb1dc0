package main

import (
	"encoding/json"
	"fmt"

	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"
)

// Asset is a thing and who owns it.
type Asset struct {
	ID    string   `json:"id"`
	Owner string   `json:"owner"`
	Value uint64   `json:"value"`
	Tags  []string `json:"tags,omitempty" metadata:",optional"`
}

// Register is the contract.
type Register struct {
	contractapi.Contract
}

// GetEvaluateTransactions names the functions that only read.
func (r *Register) GetEvaluateTransactions() []string {
	return []string{"Exists", "Read", "All", "Between", "WhoAmI"}
}

// WhoAmI answers the name under which the caller would own an asset.
func (r *Register) WhoAmI(c *caller) string { return c.name }

// Exists tells whether there is an asset of that id.
func (r *Register) Exists(c *caller, id string) (bool, error) {
	value, err := c.GetStub().GetState(id)
	return value != nil, err
}

// Read answers an asset.
func (r *Register) Read(c *caller, id string) (*Asset, error) {
	value, err := c.GetStub().GetState(id)
	if err != nil {
		return nil, err
	}
	if value == nil {
		return nil, fmt.Errorf("there is no asset %s", id)
	}
	asset := &Asset{}
	return asset, json.Unmarshal(value, asset)
}

// Create registers an asset of the caller's.
func (r *Register) Create(c *caller, id string, value uint64) error {
	return r.add(c, &Asset{ID: id, Value: value})
}

// Import registers assets of the caller's that come as a list.
func (r *Register) Import(c *caller, assets []Asset) (int, error) {
	for i := range assets {
		if err := r.add(c, &assets[i]); err != nil {
			return 0, err
		}
	}
	return len(assets), nil
}

func (r *Register) add(c *caller, asset *Asset) error {
	if asset.ID == "" {
		return fmt.Errorf("an asset needs an id")
	}
	there, err := r.Exists(c, asset.ID)
	if err != nil {
		return err
	}
	if there {
		return fmt.Errorf("asset %s exists already", asset.ID)
	}
	asset.Owner = c.name
	return put(c, asset)
}

// Revalue sets an asset's value and answers the one before.
func (r *Register) Revalue(c *caller, id string, value uint64) (uint64, error) {
	asset, err := r.owned(c, id)
	if err != nil {
		return 0, err
	}
	before := asset.Value
	asset.Value = value
	return before, put(c, asset)
}

// Tag sets an asset's tags.
func (r *Register) Tag(c *caller, id string, tags []string) error {
	asset, err := r.owned(c, id)
	if err != nil {
		return err
	}
	asset.Tags = tags
	return put(c, asset)
}

// Transfer gives an asset to somebody else, whom WhoAmI names.
func (r *Register) Transfer(c *caller, id, owner string) error {
	asset, err := r.owned(c, id)
	if err != nil {
		return err
	}
	if owner == "" {
		return fmt.Errorf("an asset needs an owner")
	}
	asset.Owner = owner
	if err := c.GetStub().SetEvent("Transfer", []byte(id)); err != nil {
		return err
	}
	return put(c, asset)
}

// Retire removes an asset.
func (r *Register) Retire(c *caller, id string) error {
	if !c.auditor {
		if _, err := r.owned(c, id); err != nil {
			return err
		}
	}
	return c.GetStub().DelState(id)
}

// All answers all assets, in the order of their ids.
func (r *Register) All(c *caller) ([]*Asset, error) { return r.Between(c, "", "") }

// Between answers the assets from one id to before another.
func (r *Register) Between(c *caller, from, to string) ([]*Asset, error) {
	it, err := c.GetStub().GetStateByRange(from, to)
	if err != nil {
		return nil, err
	}
	defer it.Close()
	assets := []*Asset{}
	for it.HasNext() {
		kv, err := it.Next()
		if err != nil {
			return nil, err
		}
		asset := &Asset{}
		if err := json.Unmarshal(kv.Value, asset); err != nil {
			return nil, fmt.Errorf("asset %s: %w", kv.Key, err)
		}
		assets = append(assets, asset)
	}
	return assets, nil
}

// owned answers an asset that is the caller's.
func (r *Register) owned(c *caller, id string) (*Asset, error) {
	asset, err := r.Read(c, id)
	if err != nil {
		return nil, err
	}
	if asset.Owner != c.name {
		return nil, fmt.Errorf("asset %s belongs to %s, not to %s", id, asset.Owner, c.name)
	}
	return asset, nil
}

func put(c *caller, asset *Asset) error {
	value, err := json.Marshal(asset)
	if err != nil {
		return err
	}
	return c.GetStub().PutState(asset.ID, value)
}
